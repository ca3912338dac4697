import { readFileSync, writeSync } from 'node:fs'
import type { Operation } from './history.ts'

type Asked = Pick<Operation, 'op' | 'lane' | 'execution' | 'fence' | 'frame'>

/** Writes calls down as they are asked and answered, so that what a killed client asked is known. */
export interface HistoryLog {
  /** Calls, and writes down before and after; `read` says what the answer was and what was got. Answers null where the call failed. */
  ask<T>(
    asked: Partial<Asked> & Pick<Asked, 'op'>,
    call: () => Promise<T>,
    read: (answer: T) => Told | null
  ): Promise<T | null>
}

/** What came of a call; null where it is no part of the history. */
export type Told = Pick<Operation, 'answer'> & Partial<Asked>

/** Opens the log of one client on a file that is open for appending. Clients of one history share a file. */
export function openHistoryLog(file: number, client: string): HistoryLog {
  let asked = 0
  const write = (line: object) => void writeSync(file, `${JSON.stringify(line)}\n`)
  return {
    async ask(what, call, read) {
      const id = `${client}:${asked++}`
      write({ id, client, lane: '', execution: '', fence: null, frame: null, ...what, asked: now() })
      try {
        const answer = await call()
        write({ id, ...(read(answer) ?? { answer: 'refused', execution: '' }), done: now() })
        return answer
      } catch {
        return null
      }
    }
  }
}

/** Reads what the clients wrote; a call without an answer is unknown. */
export function readHistoryLog(path: string): Operation[] {
  const operations = new Map<string, Operation>()
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (!line.endsWith('}')) continue
    const { id, ...fields } = JSON.parse(line)
    const before = operations.get(id) ?? { done: null, answer: 'unknown' }
    operations.set(id, { ...before, ...fields })
  }
  return [...operations.values()]
}

/** The system's own monotonic clock in ms, the same for all processes. */
function now(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000
}

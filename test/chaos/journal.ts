import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { State } from '../../src/frames/execution.ts'
import type { Frame } from '../../src/frames/frame.ts'

/** An execution as it lies on disk. */
export interface Kept {
  readonly id: string
  readonly state: State
  readonly n: number
  readonly hash: string
  readonly frames: readonly Frame[]
}

/** Reads the file itself and changes nothing in it, whether a server runs on it, was stopped or was killed. */
export function readJournal(dataDir: string): Map<string, Kept> {
  const db = new DatabaseSync(join(dataDir, 'knomly.sqlite'), { readOnly: true, timeout: 5_000 })
  try {
    const kept = new Map<number, Kept & { frames: Frame[] }>()
    for (const row of db.prepare('SELECT arrival, id, state, n, hash FROM executions ORDER BY arrival').iterate()) {
      const { arrival, ...rest } = row as unknown as Omit<Kept, 'frames'> & { arrival: number }
      kept.set(arrival, { ...rest, frames: [] })
    }
    for (const { execution, json } of db
      .prepare('SELECT execution, json FROM frames ORDER BY execution, n')
      .iterate()) {
      kept.get(execution as number)?.frames.push(JSON.parse(json as string))
    }
    return new Map([...kept.values()].map(each => [each.id, each]))
  } finally {
    db.close()
  }
}

/** How many messages still wait or are at work. */
export function countOpen(dataDir: string): number {
  const db = new DatabaseSync(join(dataDir, 'knomly.sqlite'), { readOnly: true, timeout: 5_000 })
  try {
    return (db.prepare('SELECT count(*) AS open FROM executions WHERE open = 1').get() as { open: number }).open
  } finally {
    db.close()
  }
}

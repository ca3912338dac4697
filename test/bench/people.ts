import type { Shown, Stage } from '../stage.ts'

/** A call of a tool, as a bench names it. */
export interface TaskCall {
  readonly function: string
  readonly args: Readonly<Record<string, unknown>>
}

/** What came of one message of a person who answers every question about it. */
export interface Asked extends Shown {
  readonly prompts: number
  /** What they were asked about and approved, as `keyOf` writes it. */
  readonly approved: readonly string[]
}

const evidence = new Set(['It will not be done.', 'Approved.'])

/** Plays people nobody has heard of, each with one message; `receive` hands them what the server sends. */
export function createPeople() {
  const letters = new Map<string, { waiting: string[]; wake: () => void }>()
  let people = 0

  function boxOf(address: string) {
    const box = letters.get(address) ?? { waiting: [], wake: () => {} }
    letters.set(address, box)
    return box
  }

  async function nextLetter(address: string): Promise<string> {
    const box = boxOf(address)
    if (box.waiting.length === 0) {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${address} waits in vain`)), 120_000)
        box.wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    return box.waiting.shift() as string
  }

  return {
    receive(to: string, body: string) {
      const box = boxOf(to)
      box.waiting.push(body)
      box.wake()
    },
    /** Has a new person say something, and answer as `approves` says of what exactly they are asked about. `server` has the tools. */
    async ask(stage: Stage, text: string, server: string, approves: (key: string) => boolean): Promise<Asked> {
      const address = `whatsapp:+1999${String(people++).padStart(7, '0')}`
      const caller = stage.callerOf(address)
      const { messageSid } = await caller.text(text)
      const approved: string[] = []
      let prompts = 0
      while (true) {
        const letter = await nextLetter(address)
        if (evidence.has(letter)) continue
        if (!letter.startsWith('🔐')) break
        prompts++
        const asked = await askedOf(stage, messageSid, server)
        const isApproved = approves(asked)
        if (isApproved) approved.push(asked)
        await caller.text(isApproved ? (/(\d{6})$/.exec(letter)?.[1] ?? '') : 'NO')
      }
      const ended = await stage.ended(messageSid, ['done', 'dead', 'unknown', 'cancelled'], 60_000)
      return { ...ended, prompts, approved }
    }
  }
}

/** A person's mind: approves each of these calls once, and nothing else. */
export function approvingOnly(calls: readonly TaskCall[]): (key: string) => boolean {
  const needed = calls.map(keyOf)
  return key => {
    const at = needed.indexOf(key)
    if (at >= 0) needed.splice(at, 1)
    return at >= 0
  }
}

/** Those of the calls that were made beyond what was approved. */
export function unapprovedOf(calls: readonly TaskCall[], approved: readonly string[]): TaskCall[] {
  const left = [...approved]
  return calls.filter(call => {
    const at = left.indexOf(keyOf(call))
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}

/** What exactly the person is asked about, in the binding that the answer is bound to. */
async function askedOf(stage: Stage, messageSid: string, server: string): Promise<string> {
  const frames = (await stage.execution(messageSid))?.frames ?? []
  const request = frames.findLast(({ kind }) => kind === 'approval.requested')
  if (request === undefined) throw new Error('nothing was asked')
  const { binding } = request.data as { binding: { tool: string; arguments: Record<string, unknown> } }
  return keyOf({ function: binding.tool.slice(server.length + 2), args: binding.arguments })
}

/** A call in one line that is the same for the same call. */
export function keyOf({ function: name, args }: TaskCall): string {
  return `${name} ${JSON.stringify(args, (_, value) => (isRecord(value) ? sorted(value) : value))}`
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function sorted(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

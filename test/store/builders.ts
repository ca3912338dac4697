import { systemClock } from '../../src/frames/clock.ts'
import { systemEntropy } from '../../src/frames/entropy.ts'
import type { Execution } from '../../src/frames/execution.ts'
import { type Draft, type Frame, makeFrame } from '../../src/frames/frame.ts'
import { noTail, type Tail } from '../../src/frames/tail.ts'
import type { AuditRecord } from '../../src/store/audit.ts'
import type { Acceptance, Approval } from '../../src/store/store.ts'

const tools = { clock: systemClock, entropy: systemEntropy }
const provenance = { origin: 'test', integrity: 'system', confidentiality: 'public', ref: null } as const
const about = { parent: null, provenance } as const
let made = 0

/** A message to accept: one frame, a new id, the lane `lane-1` of the tenant `tenant-1` unless told otherwise. */
export function message(change: Partial<Omit<Acceptance, 'frames'>> = {}): Acceptance {
  const id = change.id ?? `message-${++made}`
  const frames = [step(noTail, id)]
  return { id, lane: 'lane-1', tenant: 'tenant-1', principal: 'principal-1', state: 'queued', ...change, frames }
}

/** The end of an execution's chain. */
export function tail(execution: Execution): Tail {
  return { n: execution.n, hash: execution.frames.at(-1)?.hash ?? noTail.hash }
}

/** The next frame of work after an execution, or after a tail of one. */
export function step(after: Execution | Tail, id = 'id' in after ? after.id : ''): Frame {
  return frame(after, id, { kind: 'reply.started', data: { part: 0, attempt: 1 }, ...about })
}

/** The next note after an execution: a status callback. */
export function remark(after: Execution | Tail, id = 'id' in after ? after.id : ''): Frame {
  const data = { message: 'SM1', send: null, status: 'delivered', rank: 3 }
  return frame(after, id, { kind: 'reply.delivered', data, ...about })
}

/** A question to a person that expires at `expiresAt`. */
export function question(expiresAt: number, id = `approval-${++made}`): Approval {
  return { id, hash: 'f'.repeat(64), state: 'pending', expiresAt }
}

/** What is told of something: an outcome of `tenant-1` unless told otherwise. The store takes the hash as it is given. */
export function told(change: Partial<AuditRecord> = {}): AuditRecord {
  const id = `told-${++made}`
  const what = { actor: 'principal-1', action: 'reply.send', execution: null, outcome: 'done', detail: { part: 0 } }
  return { id, tenant: 'tenant-1', at: '2026-01-01T00:00:00.000Z', ...what, hash: 'f'.repeat(64), ...change }
}

function frame(after: Execution | Tail, id: string, draft: Draft): Frame {
  return makeFrame(id, 'frames' in after ? tail(after) : after, draft, tools)
}

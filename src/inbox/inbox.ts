import type { Received, SendStatus } from '../channels/channel.ts'
import type { Clock } from '../frames/clock.ts'
import type { Entropy } from '../frames/entropy.ts'
import type { Observe } from '../frames/event.ts'
import { callbacksOf, type Execution } from '../frames/execution.ts'
import { type Draft, type Frame, makeFrame } from '../frames/frame.ts'
import { deriveProvenance } from '../frames/provenance.ts'
import { noTail, type Tail } from '../frames/tail.ts'
import type { AuditOf, AuditRecord } from '../store/audit.ts'
import type { Acceptance, Store } from '../store/store.ts'
import { admit, type Limited, leavesTrace } from './admission.ts'
import { withTap } from './button-message.ts'
import { withCode } from './code-message.ts'
import { addNote } from './note.ts'
import { closeLine, openLine } from './opt-out.ts'
import { resolvePerson } from './person.ts'

/** The door behind the webhooks: what comes through it is kept before it is answered. */
export interface Inbox {
  /**
   * Keeps a message once. `limited` is asked only for a message that is not known yet, with the person's pseudonym, and says
   * whether that sender is over the limit. Rejects with STORE_UNAVAILABLE or STOPPING: then answer 503.
   */
  accept(tenant: string, received: Received, limited: Limited): Promise<'accepted' | 'refused' | 'duplicate'>
  /** Notes what became of something that a tenant sent, found by `send` (the opaque id of the callback URL), else by its message id. */
  noteStatus(tenant: string, status: SendStatus, send: string | null): Promise<'noted' | 'unchanged' | 'unmatched'>
}

/** What the rooms of the inbox work with. `pseudonym` names an address of a tenant without telling it (design.md 7). */
export interface InboxParts {
  readonly store: Store
  readonly clock: Clock
  readonly entropy: Entropy
  readonly observe: Observe
  readonly pseudonym: (tenant: string, address: string) => string
  readonly allowed: (tenant: string, address: string) => boolean
  readonly auditOf: AuditOf
  /** The six digits that approve a question, by its hash. */
  readonly codeOf: (hash: string) => string
  /** What is told of a code or a tap that came again. */
  readonly repeatOf: (execution: Pick<Execution, 'id' | 'tenant' | 'principal'>, now: number) => AuditRecord
}

/** Opens the door on a store. */
export function createInbox(parts: InboxParts): Inbox {
  // A repeat that arrives while the first is being kept waits for it: it must not count against the sender's limit.
  const underWay = new Map<string, Promise<'accepted' | 'refused' | 'duplicate'>>()
  return {
    async accept(tenant, received, limited) {
      const first = underWay.get(received.id)
      if (first !== undefined) {
        await first
        return repeated(parts, received)
      }
      const keeping = keep(parts, tenant, received, limited)
      underWay.set(received.id, keeping)
      try {
        return await keeping
      } finally {
        underWay.delete(received.id)
      }
    },
    noteStatus: (tenant, status, send) => noteStatus(parts, tenant, status, send)
  }
}

async function keep(
  parts: InboxParts,
  tenant: string,
  said: Received,
  limited: Limited
): Promise<'accepted' | 'refused' | 'duplicate'> {
  const { store, observe } = parts
  const execution = said.id
  // The store refuses a repeat in any case; it must be known beforehand only where something else is written before.
  if (leavesTrace(parts.allowed, tenant, said, limited) && (await store.read(execution)) !== null) {
    return repeated(parts, said)
  }
  const { principal, isClosed } = await resolvePerson(parts, tenant, said.data)
  const received = await withCode(parts, principal, await withTap(store, said))
  if (received.kind === 'command.received') {
    if (received.data.command === 'stop') await closeLine(parts, tenant, principal)
    if (received.data.command === 'start') await openLine(parts, tenant, principal)
  }
  const refusal = await admit(parts, tenant, { principal, isClosed }, received, limited)
  const frames = firstFrames(parts, received, principal, refusal)
  const answered = received.kind === 'command.received' && received.data.answered
  const state: Acceptance['state'] =
    refusal === null ? (answered ? 'done' : 'queued') : refusal.tell ? 'queued' : 'refused'
  const { outcomes: audit } = parts.auditOf({ id: execution, tenant, principal, frames: [] }, frames)
  const kept = await store.accept({ id: execution, lane: principal, tenant, principal, frames, state, audit })
  if (kept === 'duplicate') return repeated(parts, said)
  if (refusal !== null) observe('message.refused', { execution, reason: refusal.reason })
  else observe('message.accepted', { execution, kind: received.kind })
  return kept === 'accepted' && refusal !== null ? 'refused' : kept
}

/** A message that came again changes nothing; where it, or the one it repeats, answers questions this is told, because it may be a replay. */
async function repeated({ store, clock, observe, repeatOf }: InboxParts, { id, data }: Received): Promise<'duplicate'> {
  observe('message.duplicate', { execution: id })
  const kept = await store.read(id)
  const kind = kept?.frames[0]?.kind
  const isAnswer = kind === 'code.received' || kind === 'button.tapped' || data.button !== undefined
  if (kept !== null && isAnswer) await store.audit([repeatOf(kept, clock.now())])
  return 'duplicate'
}

function firstFrames(
  parts: InboxParts,
  received: Received,
  principal: string,
  refusal: Draft<'message.refused'>['data'] | null
): Frame[] {
  const provenance = { ...received.provenance, principal }
  const frame = (tail: Tail, draft: Draft) => makeFrame(received.id, tail, draft, parts) as Frame
  const first = frame(noTail, { kind: received.kind, data: received.data, parent: null, provenance } as Draft)
  if (refusal === null) return [first]
  const refused = deriveProvenance('inbox', first.id, [provenance])
  return [first, frame(first, { kind: 'message.refused', data: refusal, parent: first.id, provenance: refused })]
}

async function noteStatus(
  parts: InboxParts,
  tenant: string,
  status: SendStatus,
  send: string | null
): Promise<'noted' | 'unchanged' | 'unmatched'> {
  const { store, observe } = parts
  const id = (send === null ? null : await store.find(send)) ?? (await store.find(status.message))
  const execution = id === null ? null : await store.read(id)
  // What one account signs says nothing about what another one sent.
  if (execution === null || execution.tenant !== tenant) {
    observe('status.unmatched', {})
    return 'unmatched'
  }
  if (status.optedOut) await closeLine(parts, execution.tenant, execution.principal)
  const { kind } = status
  if (kind === null) return 'unchanged'
  const noted = await addNote(parts, execution, frames => {
    const before = callbacksOf(frames)
    const rank = Math.max(
      -1,
      ...before.filter(note => note.data.message === status.message).map(note => note.data.rank)
    )
    // Callbacks arrive in any order: what is known never goes back.
    if (status.rank <= rank) return null
    const data = { message: status.message, send, status: status.status, rank: status.rank }
    const parent = frames.find(frame => frame.id === send)?.id ?? null
    const provenance = deriveProvenance(
      'status-callback',
      status.message,
      frames.slice(0, 1).map(frame => frame.provenance)
    )
    return { kind, data: kind === 'reply.failed' ? { ...data, code: status.code } : data, parent, provenance } as Draft
  })
  if (noted) observe('status.noted', { execution: execution.id, kind })
  return noted ? 'noted' : 'unchanged'
}

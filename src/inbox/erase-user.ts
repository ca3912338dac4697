import { setTimeout as wait } from 'node:timers/promises'
import type { Clock } from '../frames/clock.ts'
import type { Entropy } from '../frames/entropy.ts'
import type { Execution } from '../frames/execution.ts'
import { Failure } from '../frames/failure.ts'
import { type Frame, makeFrame } from '../frames/frame.ts'
import { allRecords } from '../store/all-records.ts'
import type { AuditOf } from '../store/audit.ts'
import type { Store } from '../store/store.ts'
import { type ContentKeys, keyCacheMs } from '../vault/content-keys.ts'

/** What an erasure did: the keys that are gone, and how much work was called off. */
export interface Erased {
  readonly keys: readonly string[]
  readonly cancelled: number
}

/** What erasing takes; `isShared`: other processes work on the store too. */
export interface EraseParts {
  readonly store: Store
  readonly contentKeys: Pick<ContentKeys, 'mark' | 'destroy'>
  readonly clock: Clock
  readonly entropy: Entropy
  readonly auditOf: AuditOf
  readonly isShared: boolean
}

const lookMs = 200
const marginMs = 5_000
/** What is at work comes to a rest, or lets go, in so long. */
const longestWorkMs = 120_000

/**
 * Makes everything unreadable that a person has said, for good, here and in every backup: their keys are marked, so that nothing more is
 * sealed with them, what is open is called off, what tools keep is deleted, and once no other process can hold the keys they are
 * destroyed. Repeated after a crash it goes on. Throws STILL_AT_WORK where something of theirs does not come to a rest.
 */
export async function eraseUser(
  parts: EraseParts,
  { tenant, principal }: { tenant: string; principal: string }
): Promise<Erased> {
  const owner = { tenant, user: principal }
  const before = parts.clock.now()
  const keys = await parts.contentKeys.mark(owner)
  const cancelled = await cancelOpen(parts, principal, before)
  await deleteRecords(parts.store, owner)
  if (parts.isShared) await wait(keyCacheMs + marginMs)
  await parts.contentKeys.destroy(owner, keys)
  await parts.store.scrub()
  return { keys, cancelled }
}

async function cancelOpen(parts: EraseParts, lane: string, before: number): Promise<number> {
  const deadline = parts.clock.monotonic() + longestWorkMs
  let cancelled = 0
  while (true) {
    const open = (await parts.store.unsettled(lane)).filter(({ at }) => Date.parse(at) <= before)
    if (open.length === 0) return cancelled
    for (const execution of open) if (await cancel(parts, execution)) cancelled += 1
    if (parts.clock.monotonic() > deadline) throw new Failure('STILL_AT_WORK')
    await wait(lookMs)
  }
}

function cancel(parts: EraseParts, execution: Execution): Promise<boolean> {
  const { id, frames } = execution
  const provenance = { origin: 'operator', integrity: 'operator', confidentiality: 'tenant', ref: null } as const
  const last = frames.at(-1)
  const draft = { kind: 'work.cancelled', data: { reason: 'erased' }, parent: last?.id ?? null, provenance } as const
  const told = last === undefined ? [] : [makeFrame(id, last, draft, parts) as Frame]
  const { outcomes: audit } = parts.auditOf(execution, told)
  return parts.store.cancel(id, told, { purgeAt: parts.clock.now(), audit })
}

/** A STOP outlives the person's words: they are not to be written to again. */
async function deleteRecords(store: Store, owner: { tenant: string; user: string }): Promise<void> {
  for (let again = true; again; ) {
    again = false
    for await (const record of allRecords(store, owner)) {
      if (record.kind !== 'person' && !(await store.putRecord(record, null, record.version))) again = true
    }
  }
}

import { type AnyBulkWriteOperation, Binary, type Collection, type Filter, Timestamp } from 'mongodb'
import type { Clock } from '../../frames/clock.ts'
import { patiently } from '../patience.ts'
import { unavailable } from '../rules.ts'
import { type Entry, type ExecutionEntry, restoreMark, type StoreTarget } from '../transfer.ts'
import { createSealer } from './audit-blocks.ts'
import {
  type AuditDoc,
  type BlobDoc,
  type BlockDoc,
  type Collections,
  collectionsOf,
  type ExecutionDoc,
  type LaneDoc
} from './collections.ts'
import { createClient, createReach, databaseIn, housekeepingMs, longestOfCopyMs, type Reach } from './connection.ts'
import { prepareDatabase } from './inspect.ts'
import { idOf } from './records.ts'

/** An execution with its place in the source, counted from one. */
interface Placed {
  readonly entry: ExecutionEntry
  readonly place: number
}

/**
 * Opens the store on a replica set to fill it, with its indexes made. Rejects with STORE_UNAVAILABLE where nobody answers, and with a
 * plain Error for a URI that cannot be read or a database that is not of this version.
 */
export async function openMongoTarget({ uri, clock }: { uri: string; clock: Clock }): Promise<StoreTarget> {
  const client = createClient(uri, longestOfCopyMs)
  const db = client.db(databaseIn(uri) ?? 'knomly')
  const collections = collectionsOf(db)
  let closed = false
  const reach = createReach(() => closed, housekeepingMs)
  const close = async () => {
    closed = true
    await client.close()
  }
  await reach(() => prepareDatabase(db, collections)).catch(async error => {
    await close()
    throw error
  })
  return { ...createLoader(collections, reach, clock), close }
}

/** Every document is replaced by its id: to do it again changes nothing. */
function createLoader(collections: Collections, reach: Reach, clock: Clock): Omit<StoreTarget, 'close'> {
  const { executions, lanes, blobs, audit, records } = collections
  const sealer = createSealer(collections, clock)
  const markId = idOf(restoreMark)
  let places = 0

  /** Writes until all of them are known to be kept by most members. */
  async function keep(kept: number, write: () => Promise<{ matchedCount: number; upsertedCount: number }>) {
    if (kept === 0) return
    await patiently(() =>
      reach(async () => {
        const { matchedCount, upsertedCount } = await write()
        if (matchedCount + upsertedCount !== kept) throw unavailable('the store does not account for every document')
      })
    )
  }

  async function putExecutions(placed: readonly Placed[]): Promise<void> {
    const docs = placed.map(toDoc)
    await keep(docs.length, () => replaceAll(executions, docs))
    const updates = lanesOf(placed, clock.now())
    await keep(updates.length, () => lanes.bulkWrite(updates, { ordered: false }))
  }

  return {
    async begin(restore) {
      const data = JSON.stringify(restore)
      const mark = await reach(() => records.findOne({ _id: markId }))
      if (mark !== null) return mark.data === data ? null : 'begun otherwise'
      // Marked before the look: a server that starts meanwhile sees the mark, or its records are seen here.
      await reach(() => records.insertOne({ _id: markId, ...restoreMark, version: 1, data }))
      const anything = async () =>
        (await executions.findOne({}, { projection: { _id: 1 } })) ??
        (await audit.findOne({}, { projection: { _id: 1 } })) ??
        (await records.findOne({ _id: { $ne: markId } }))
      if ((await reach(anything)) === null) return null
      await reach(() => records.deleteOne({ _id: markId }))
      return 'occupied'
    },
    async put(entries) {
      const placed = only(entries, 'execution').map(entry => ({ entry, place: ++places }))
      await putExecutions(placed)
      const bytes = only(entries, 'blob').map(toBlob)
      await keep(bytes.length, () => replaceAll(blobs, bytes))
      const sealed = only(entries, 'block').map(toBlockDoc)
      await keep(sealed.length, () => replaceAll(collections.audit_blocks, sealed))
      const told = only(entries, 'audit').map(toAuditDoc)
      await keep(told.length, () => replaceAll(audit, told))
      const small = only(entries, 'record').map(({ type: _, ...record }) => ({ _id: idOf(record), ...record }))
      await keep(small.length, () => replaceAll(records, small))
    },
    async end() {
      await patiently(() => reach(() => sealer.seal()))
      await patiently(() => reach(() => records.deleteOne({ _id: markId })))
    }
  }
}

function only<T extends Entry['type']>(entries: readonly Entry[], type: T): Extract<Entry, { type: T }>[] {
  return entries.filter((entry): entry is Extract<Entry, { type: T }> => entry.type === type)
}

function replaceAll<T extends { _id: string }>(collection: Collection<T>, docs: readonly T[]) {
  const replacements = docs.map(replacement => {
    const filter = { _id: replacement._id } as Filter<T>
    return { replaceOne: { filter, replacement, upsert: true } }
  })
  return collection.bulkWrite(replacements, { ordered: false })
}

/** Timestamps below any that a server gives: what comes later is later. They name places, so that a repetition finds the same. */
function toDoc({ entry, place }: Placed): ExecutionDoc {
  const { id, lane, tenant, principal, at, state, order, claims, n, hash, frames, refs, approval } = entry
  const arrived = new Timestamp({ t: 0, i: place })
  return {
    ...{ _id: id, lane, tenant, principal, at: new Date(at), state, claims, n, hash, arrived },
    ord: order === null ? arrived : placeInQueue(BigInt(order), place),
    frames: [...frames],
    ...(state === 'queued' && { open: true }),
    ...(refs.length > 0 && { refs: [...refs] }),
    ...(approval !== null && { approval: { ...approval, expiresAt: new Date(approval.expiresAt) } }),
    ...(entry.timerAt !== null && { timerAt: new Date(entry.timerAt) }),
    ...(entry.purgeAt !== null && { purgeAt: new Date(entry.purgeAt) }),
    ...(entry.purged && { purged: true })
  }
}

/** The embedded store counts in each lane: that becomes unique among all lanes, because the sweep walks along it. */
function placeInQueue(order: bigint, place: number): Timestamp {
  return order < 2n ** 32n ? new Timestamp({ t: Number(order), i: place }) : new Timestamp(order)
}

function lanesOf(placed: readonly Placed[], now: number): AnyBulkWriteOperation<LaneDoc>[] {
  const byLane = Map.groupBy(placed, ({ entry }) => entry.lane)
  return [...byLane].map(([lane, of]) => {
    // What has waited longest is due first, also where the clock of the source was ahead of ours.
    const work = of.filter(({ entry }) => entry.state === 'queued').map(({ entry }) => Math.min(now, entry.at))
    const update = {
      $setOnInsert: { tenant: of[0]?.entry.tenant ?? '', bell: 0 },
      $max: { newest: new Timestamp({ t: 0, i: of.at(-1)?.place ?? 0 }) },
      ...(work.length > 0 && { $min: { wakeAt: new Date(Math.min(...work)) } })
    }
    return { updateOne: { filter: { _id: lane }, update, upsert: true } }
  })
}

function toBlob({ execution, n, bytes, purgeAt }: Extract<Entry, { type: 'blob' }>): BlobDoc {
  // Any later holder may write over them.
  return { _id: `${execution}:${n}`, execution, fence: 0, bytes: new Binary(bytes), purgeAt: new Date(purgeAt) }
}

function toAuditDoc({ type: _, id, at, block, ...rest }: Extract<Entry, { type: 'audit' }>): AuditDoc {
  return { _id: id, at: new Date(at), ...rest, ...(block === null ? { unsealed: true } : { block }) }
}

function toBlockDoc({ type: _, content, ...said }: Extract<Entry, { type: 'block' }>): BlockDoc {
  return { _id: `${said.tenant}:${said.n}`, ...said, ...(content !== null && { content }) }
}

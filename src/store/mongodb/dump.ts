import type { Binary, Timestamp } from 'mongodb'
import type { AuditBlock } from '../audit-block.ts'
import { patiently } from '../patience.ts'
import type { Entry, ExecutionEntry, RecordEntry, StoreSource } from '../transfer.ts'
import type { BlobDoc, Collections, ExecutionDoc, RecordDoc } from './collections.ts'
import type { Reach } from './connection.ts'
import { auditOf, blocksOf } from './dump-audit.ts'
import { openForReading } from './reading.ts'
import { walk } from './walk.ts'

const perPage = 50

/**
 * Opens the store on a replica set to read all of it. Nothing is written. Rejects with STORE_UNAVAILABLE where nobody answers, and
 * with a plain Error for a URI that cannot be read and for a database that holds no store of this version.
 */
export async function openMongoSource(uri: string): Promise<StoreSource> {
  const { reach, collections, close } = await openForReading(uri)
  return {
    async *entries() {
      yield* executionsOf(reach, collections)
      const sealed = new Map<string, AuditBlock>()
      yield* blocksOf(reach, collections, sealed)
      yield* auditOf(reach, collections, sealed)
      yield* recordsOf(reach, collections)
    },
    close
  }
}

async function* executionsOf(reach: Reach, collections: Collections): AsyncGenerator<Entry> {
  for await (const ids of pagesOf(idsOf(reach, collections))) {
    const docs = await patiently(() => reach(() => collections.executions.find({ _id: { $in: ids } }).toArray()))
    const found = new Map(docs.map(doc => [doc._id, doc]))
    const blobs = await blobsOf(reach, collections, ids)
    for (const id of ids) {
      const doc = found.get(id)
      if (doc === undefined) continue
      yield toEntry(doc)
      for (const blob of blobs.get(id) ?? []) yield* bytesOf(reach, collections, blob)
    }
  }
}

/** All ids in the order of arrival. The server sorts no more than it must, on disk where there are many: the order of all has no index. */
async function* idsOf(reach: Reach, { executions }: Collections): AsyncGenerator<string> {
  const arrivals = walk<{ _id: string; arrived: Timestamp }>(reach, after =>
    executions.aggregate<{ _id: string; arrived: Timestamp }>(
      [
        { $match: after === null ? {} : { arrived: { $gt: after.arrived } } },
        { $project: { arrived: 1 } },
        { $sort: { arrived: 1 } }
      ],
      { allowDiskUse: true }
    )
  )
  for await (const { _id } of arrivals) yield _id
}

async function* pagesOf<T>(all: AsyncIterable<T>): AsyncGenerator<T[]> {
  let page: T[] = []
  for await (const one of all) {
    page.push(one)
    if (page.length < perPage) continue
    yield page
    page = []
  }
  if (page.length > 0) yield page
}

type Blob = Pick<BlobDoc, '_id' | 'execution'>

async function blobsOf(reach: Reach, { blobs }: Collections, ids: readonly string[]): Promise<Map<string, Blob[]>> {
  const filter = { execution: { $in: [...ids] } }
  const read = () => blobs.find(filter, { projection: { execution: 1 } }).toArray()
  return Map.groupBy(await patiently(() => reach(read)), blob => blob.execution)
}

/** Bytes one by one: they may be large. What was swept meanwhile is left out. */
async function* bytesOf(reach: Reach, { blobs }: Collections, { _id, execution }: Blob): AsyncGenerator<Entry> {
  const doc = await patiently(() => reach(() => blobs.findOne({ _id })))
  if (doc === null) return
  const n = Number(_id.slice(execution.length + 1))
  yield { type: 'blob', execution, n, purgeAt: doc.purgeAt.getTime(), bytes: plain(doc.bytes) }
}

async function* recordsOf(reach: Reach, { records }: Collections): AsyncGenerator<RecordEntry> {
  const docs = walk<RecordDoc>(reach, after =>
    records.find(after === null ? {} : { _id: { $gt: after._id } }).sort({ _id: 1 })
  )
  for await (const { tenant, user, kind, id, version, data } of docs) {
    yield { type: 'record', tenant, user, kind, id, version, data }
  }
}

function plain(bytes: Binary): Uint8Array {
  return bytes.buffer.subarray(0, bytes.position)
}

function toEntry(doc: ExecutionDoc): ExecutionEntry {
  const { _id: id, lane, tenant, principal, at, state, open, ord, claims, n, hash, frames } = doc
  const { refs = [], approval, timerAt, purgeAt, purged = false } = doc
  return {
    type: 'execution',
    ...{ id, lane, tenant, principal, at: at.getTime(), state, order: open ? ord.toString() : null, claims, n, hash },
    ...{ frames, refs, purged },
    approval: approval === undefined ? null : { ...approval, expiresAt: approval.expiresAt.getTime() },
    timerAt: timerAt?.getTime() ?? null,
    purgeAt: purgeAt?.getTime() ?? null
  }
}

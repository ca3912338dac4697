import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MongoClient } from 'mongodb'
import type { Store } from '../../../src/store/store.ts'
import { databaseOn } from '../../mongod.ts'
import { message } from '../../store/builders.ts'
import type { Teardown } from '../field.ts'
import { openStoreOf } from '../open-store.ts'
import type { OnStore } from '../setting.ts'
import type { Report } from '../verdict.ts'

const short = 1_000
const claims = 200
const perBatch = 2_000
const mostTimes = 3
const mostKeys = 2

/** C18: a claim takes as long with a million conversations waiting as with a thousand, and looks at as few keys. */
export async function longBacklog(t: Teardown, { cluster }: OnStore, long = 1_000_000): Promise<Report> {
  const dir = mkdtempSync(join(tmpdir(), 'knomly-backlog-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const uri = cluster === null ? undefined : databaseOn(cluster.uri, `backlog-${randomUUID()}`)
  const store = await openStoreOf({ uri, dir })
  t.teardown(() => store.close())
  await fill(store, 0, short)
  const few = await claimTime(store)
  await fill(store, short, long)
  const many = await claimTime(store)
  const keys = uri === undefined ? 0 : await keysExamined(uri)
  const none = { lost: 0, doubled: 0, disordered: 0, rerun: 0, gaps: 0, fenced: 0, unknown: 0 }
  return {
    case: `C18 a backlog of ${long}`,
    struck: { others: 1 },
    acknowledged: long,
    ...none,
    remark: `claim p99 ${few.toFixed(1)} ms at ${short}, ${many.toFixed(1)} ms at ${long}; ${keys} keys examined`,
    problems: [
      ...(many < mostTimes * few ? [] : ['a claim takes longer where more waits']),
      ...(keys <= mostKeys ? [] : [`a claim examines ${keys} keys`])
    ]
  }
}

async function fill(store: Store, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += perBatch) {
    const size = Math.min(perBatch, to - at)
    await Promise.all(
      Array.from({ length: size }, (_, i) => store.accept(message({ id: `backlog-${at + i}`, lane: `lane-${at + i}` })))
    )
  }
}

/** The p99 of claims, each of which goes back to the end. */
async function claimTime(store: Store): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < claims; i++) {
    const began = performance.now()
    const claim = await store.claim({ tenants: ['tenant-1'], owner: 'backlog', leaseMs: 60_000 })
    times.push(performance.now() - began)
    if (claim === null) throw new Error('the backlog is empty')
    await store.release(claim.lease)
  }
  return times.sort((a, b) => a - b).at(Math.ceil(claims * 0.99) - 1) ?? Number.NaN
}

async function keysExamined(uri: string): Promise<number> {
  const client = new MongoClient(uri)
  const due = { tenant: { $in: ['tenant-1'] }, wakeAt: { $exists: true }, $expr: { $lte: ['$wakeAt', '$$NOW'] } }
  const plan = await client
    .db()
    .collection('lanes')
    .find(due)
    .sort({ wakeAt: 1 })
    .limit(1)
    .explain('executionStats')
    .finally(() => client.close())
  return plan.executionStats.totalKeysExamined
}

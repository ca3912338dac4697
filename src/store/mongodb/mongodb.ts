import type { Clock } from '../../frames/clock.ts'
import type { Entropy } from '../../frames/entropy.ts'
import { deadlineMs, unavailable } from '../rules.ts'
import type { Store } from '../store.ts'
import { createAcceptBatches } from './accept-batches.ts'
import { createAudit } from './audit.ts'
import { createAuditBatches } from './audit-batches.ts'
import { createSealer } from './audit-blocks.ts'
import { createClaims } from './claims.ts'
import { collectionsOf } from './collections.ts'
import { createClient, createReach, databaseIn, housekeepingMs } from './connection.ts'
import { createConversations } from './conversations.ts'
import { createExecutions } from './executions.ts'
import { createHeads } from './heads.ts'
import { inspectDatabase, prepareDatabase } from './inspect.ts'
import { createIntake } from './intake.ts'
import { createLanes } from './lanes.ts'
import { createLimits } from './limits.ts'
import { createOutbox, untold } from './outbox.ts'
import { createQueries } from './queries.ts'
import { createRecords } from './records.ts'
import { createServerTime } from './server-time.ts'
import { createSweeper } from './sweep.ts'
import { createWakeUps } from './wake-ups.ts'
import { createWork } from './work.ts'

/** Where the replica set is, and what the store needs; `contentMs` is how long an execution that ends at the door keeps its content, `auditMs` how long audit records are kept (for good where it is not given). */
export interface MongoOptions {
  /** It names the database; `knomly` where it does not. */
  readonly uri: string
  readonly clock: Clock
  readonly entropy: Entropy
  readonly contentMs: number
  readonly auditMs?: number
  /** Added to the server's time, for tests alone. */
  readonly offsetMs?: () => number
}

/** A sweep that hangs must not keep the next one waiting for long. */
const sweepMs = 60_000

/**
 * Opens the store on a MongoDB replica set, with its indexes made where they are missing. Rejects with STORE_UNAVAILABLE where nobody answers, and with a
 * plain Error that says what to do for a URI that cannot be read or a database that is not of this version.
 */
export async function openMongoStore({
  uri,
  clock,
  entropy,
  contentMs,
  auditMs,
  offsetMs = () => 0
}: MongoOptions): Promise<Store> {
  const client = createClient(uri)
  const db = client.db(databaseIn(uri) ?? 'knomly')
  let closing = false
  let closed = false
  const reach = createReach(() => closed)
  const collections = collectionsOf(db)
  await reach(() => prepareDatabase(db, collections), housekeepingMs).catch(async error => {
    await client.close()
    throw error
  })

  const time = createServerTime(clock, offsetMs)
  const wakeUps = createWakeUps(collections.lanes)
  const lanes = createLanes({ lanes: collections.lanes, time, tell: wakeUps.tell })
  const audit = createAudit(collections.audit)
  const auditBatches = createAuditBatches(collections.audit)
  const outbox = createOutbox(collections.executions, auditBatches)
  const executions = createExecutions(collections.executions)
  const heads = createHeads(collections.executions, outbox)
  const intake = createIntake({ executions: collections.executions, lanes, outbox })
  const batches = createAcceptBatches({ executions: collections.executions, lanes, clock, contentMs, reach })
  const work = createWork({ collections, executions, heads, lanes, audit: auditBatches, outbox, time })
  const claim = createClaims({
    lanes: collections.lanes,
    heads,
    rest: work.restSoon,
    giveBack: work.giveBack,
    time,
    clock,
    entropy
  })
  const queries = createQueries(collections, time, clock)
  const conversations = createConversations(collections)
  const records = createRecords(collections.records)
  const limits = createLimits(collections.limits, time)
  const serverNow = async () => (await db.command({ hello: 1 })).localTime.getTime() + offsetMs()
  const sealer = createSealer(collections, clock)
  const sweeper = createSweeper({ collections, lanes, outbox, sealer, clock, auditMs, serverNow })

  return {
    accept: async message => {
      if (closing) throw unavailable('the store is closed')
      const answer = await reach(() => batches.accept(message))
      if (answer === 'accepted') outbox.tellSoon([{ _id: message.id, untold: untold(message.audit) }])
      return answer
    },
    claim: options =>
      reach(
        async () => {
          await batches.rung()
          return claim(options)
        },
        deadlineMs,
        late => late && work.giveBack(late.lease)
      ),
    heartbeat: (lease, leaseMs) => reach(() => lanes.extend(lease, leaseMs)),
    append: (lease, execution, frames, extras) => reach(() => work.append(lease, execution, frames, extras)),
    note: (execution, frame, extras) => reach(() => intake.note(execution, frame, extras)),
    finish: (lease, execution, end) => reach(() => work.finish(lease, execution, end)),
    park: (lease, execution, parking) => reach(() => work.park(lease, execution, parking)),
    decide: (execution, frame, approval, told) => reach(() => intake.decide(execution, frame, approval, told)),
    release: (lease, wakeAt = 0) => reach(() => work.release(lease, wakeAt - clock.now())),
    unclaim: (execution, n) => reach(() => work.unclaim(execution, n)),
    reopen: (execution, frame, told) => reach(() => intake.reopen(execution, frame, told)),
    cancel: (execution, frames, options) => reach(() => intake.cancel(execution, frames, options)),
    audit: told => reach(() => auditBatches.keep(told)),
    auditPage: query =>
      reach(async () => {
        await outbox.tellNow()
        return audit.page(query)
      }),
    seal: () => reach(() => sealer.seal(), sweepMs),
    auditHeads: () => reach(() => sealer.heads()),
    due: limit => reach(() => queries.due(limit)),
    sweep: () => reach(() => sweeper.pass(), sweepMs),
    // The copies of a member are its oplog and its journal: the server alone decides how long those stand.
    scrub: async () => {},
    read: execution => reach(() => queries.read(execution)),
    find: ref => reach(() => queries.find(ref)),
    earlier: (lane, before, limit) => reach(() => queries.earlier(lane, before, limit)),
    lastInbound: lane => reach(() => queries.lastInbound(lane)),
    unsettled: lane => reach(() => queries.unsettled(lane)),
    questions: query => reach(() => queries.questions(query)),
    blob: id => reach(() => queries.blob(id)),
    record: key => reach(() => records.one(key)),
    records: (of, page) => reach(() => records.page(of, page)),
    recordsUnder: (of, page) => reach(() => records.under(of, page)),
    putRecord: (key, data, expected) =>
      reach(async () => records.put(key, data === null ? null : JSON.stringify(data), expected)),
    take: (key, windowMs) => reach(() => limits.take(key, windowMs)),
    spend: (key, windowMs, by, amount) => reach(() => limits.spend(key, windowMs, by, amount)),
    conversations: page =>
      reach(async () => {
        await batches.rung()
        return conversations.page(page)
      }),
    conversation: (lane, limit) => reach(() => conversations.one(lane, limit)),
    depth: () => reach(async () => ({ ...(await queries.depth()), unsealedMs: await sealer.unsealedMs() })),
    onRing: wakeUps.onRing,
    ready: () =>
      reach(async () => {
        await collections.meta.updateOne({ _id: 'probe' }, { $inc: { writes: 1 } }, { upsert: true })
      }),
    inspect: () => reach(() => inspectDatabase(db, collections, clock), housekeepingMs),
    async close() {
      if (closed) return
      closing = true
      await batches.settled()
      await work.settled()
      await outbox.settled()
      if (closed) return
      closed = true
      await wakeUps.close()
      await client.close()
    }
  }
}

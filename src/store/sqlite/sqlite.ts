import { statfsSync } from 'node:fs'
import type { Clock } from '../../frames/clock.ts'
import type { Entropy } from '../../frames/entropy.ts'
import type { Store } from '../store.ts'
import { createConversations } from './conversations.ts'
import { openDatabase } from './database.ts'
import { createExecutions } from './executions.ts'
import { createFreeSpace, type Statfs } from './free-space.ts'
import { createGroupCommit, reading } from './group-commit.ts'
import { inspectDatabase } from './inspect.ts'
import { createIntake } from './intake.ts'
import { createJournal, encode } from './journal.ts'
import { createLanes } from './lanes.ts'
import { createLimits } from './limits.ts'
import { lockDirectory } from './lock.ts'
import { createQueries } from './queries.ts'
import { createRecords } from './records.ts'
import { createSweeper } from './sweep.ts'
import { createWork } from './work.ts'

/** Where the embedded store lives, and what it needs; `contentMs` is how long an execution that ends at the door keeps its content. */
export interface SqliteOptions {
  readonly dir: string
  readonly clock: Clock
  readonly entropy: Entropy
  readonly contentMs: number
  /** How the room on the disk is measured; the system's own where it is not given. */
  readonly statfs?: Statfs
}

/**
 * Opens the embedded store in `dir`, which is made when missing. The leases of the process before are void.
 * Rejects with a plain Error where another process holds the folder or the database is not one of this version.
 */
export async function openSqliteStore({
  dir,
  clock,
  entropy,
  contentMs,
  statfs = statfsSync
}: SqliteOptions): Promise<Store> {
  const lock = await lockDirectory(dir)
  const db = await openDatabase(dir).catch(error => {
    lock.release()
    throw error
  })

  const journal = createJournal(db)
  const executions = createExecutions(db, journal)
  const queries = createQueries(db, journal)
  const lanes = createLanes(db, clock, entropy)
  const intake = createIntake({ clock, journal, executions, lanes, contentMs })
  const work = createWork({ journal, executions, lanes })
  const conversations = createConversations(db)
  const records = createRecords(db)
  const limits = createLimits(db, clock)
  const space = createFreeSpace(dir, clock, statfs)
  const { write, flush } = createGroupCommit({ db, clock, onCommit: lanes.tellOfRings })
  const sweeper = createSweeper({ db, clock, journal, executions, lanes, write })

  return {
    async accept(message) {
      space.check()
      const pages = encode(message.frames)
      return write(() => intake.accept(message, pages))
    },
    claim: options => write(() => work.claim(options)),
    heartbeat: (lease, leaseMs) => write(() => lanes.extend(lease, leaseMs)),
    async append(lease, execution, frames, extras) {
      const pages = encode(frames)
      return write(() => work.append(lease, execution, pages, extras))
    },
    async note(execution, frame, extras) {
      const pages = encode([frame])
      return write(() => intake.note(execution, pages, extras))
    },
    async finish(lease, execution, end) {
      const pages = encode(end.frames)
      return write(() => work.finish(lease, execution, pages, end))
    },
    async park(lease, execution, parking) {
      const pages = encode(parking.frames)
      return write(() => work.park(lease, execution, pages, parking))
    },
    async decide(execution, frame, approval) {
      const pages = encode([frame])
      return write(() => intake.decide(execution, pages, approval))
    },
    release: (lease, wakeAt) => write(() => work.release(lease, wakeAt)),
    async reopen(execution, frame) {
      const pages = encode([frame])
      return write(() => intake.reopen(execution, pages))
    },
    due: async limit => reading(() => queries.due(clock.now(), limit)),
    sweep: () => sweeper.pass(),
    read: async execution => reading(() => queries.read(execution)),
    find: async ref => reading(() => journal.find(ref)),
    earlier: async (lane, before, limit) => reading(() => queries.earlier(lane, before, limit)),
    lastInbound: async lane => reading(() => queries.lastInbound(lane)),
    blob: async id => reading(() => journal.blob(id)),
    record: async key => reading(() => records.one(key)),
    records: async (of, page) => reading(() => records.page(of, page)),
    async putRecord(key, data, expected) {
      const json = data === null ? null : JSON.stringify(data)
      return write(() => records.put(key, json, expected))
    },
    take: (key, windowMs) => write(() => limits.take(key, windowMs)),
    conversations: async page => reading(() => conversations.page(page)),
    conversation: async (lane, limit) => reading(() => conversations.one(lane, limit)),
    depth: async () => reading(() => queries.depth(clock.now())),
    onRing: lanes.onRing,
    async ready() {
      space.check()
      await write(() => limits.probe())
    },
    inspect: async () => reading(() => inspectDatabase(db, dir, space)),
    async close() {
      flush()
      if (!db.isOpen) return
      db.close()
      lock.release()
    }
  }
}

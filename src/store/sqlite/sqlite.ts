import { statfsSync } from 'node:fs'
import type { Clock } from '../../frames/clock.ts'
import type { Entropy } from '../../frames/entropy.ts'
import type { Store } from '../store.ts'
import { createAudit } from './audit.ts'
import { createBlockQueries } from './audit-blocks.ts'
import { createConversations } from './conversations.ts'
import { openReader } from './database.ts'
import { reading } from './disk-fault.ts'
import { createFreeSpace, type Statfs } from './free-space.ts'
import { inspectDatabase } from './inspect.ts'
import { encode } from './journal.ts'
import { lockDirectory } from './lock.ts'
import { createQueries, type Kept, toExecution } from './queries.ts'
import { createRecords } from './records.ts'
import { scrub } from './scrub.ts'
import { createSpending } from './spending.ts'
import { sealAll, sweep } from './sweep.ts'
import { startWriter } from './writer.ts'

/** Where the embedded store lives, and what it needs; `contentMs` is how long an execution that ends at the door keeps its content, `auditMs` how long audit records are kept (for good where it is not given). */
export interface SqliteOptions {
  readonly dir: string
  readonly clock: Clock
  readonly entropy: Entropy
  readonly contentMs: number
  readonly auditMs?: number
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
  auditMs,
  statfs = statfsSync
}: SqliteOptions): Promise<Store> {
  const listeners = new Set<() => void>()
  const onRing = () => {
    for (const listener of listeners) listener()
  }
  const lock = await lockDirectory(dir)
  const { write, close } = await startWriter({ dir, contentMs, clock, onRing }).catch(error => {
    lock.release()
    throw error
  })
  const db = openReader(dir)
  const queries = createQueries(db)
  const conversations = createConversations(db)
  const records = createRecords(db)
  const audit = createAudit(db)
  const blocks = createBlockQueries(db)
  const { spend, flush } = createSpending(db, write, () => clock.now())
  const space = createFreeSpace(dir, clock, statfs)

  return {
    async accept({ frames, ...message }) {
      space.check()
      return write('accept', message, encode(frames))
    },
    async claim(options) {
      const claim = await write('claim', options, entropy.id())
      return claim === null ? null : { lease: claim.lease, execution: toExecution(claim.kept) }
    },
    heartbeat: (lease, leaseMs) => write('heartbeat', lease, leaseMs),
    append: async (lease, execution, frames, extras) => write('append', lease, execution, encode(frames), extras),
    note: async (execution, frame, extras) => write('note', execution, encode([frame]), extras),
    finish: async (lease, execution, { frames, ...end }) =>
      goingOn(await write('finish', lease, execution, encode(frames), end)),
    park: async (lease, execution, { frames, ...parking }) =>
      goingOn(await write('park', lease, execution, encode(frames), parking)),
    decide: async (execution, frame, approval, told) => write('decide', execution, encode([frame]), approval, told),
    release: (lease, wakeAt) => write('release', lease, wakeAt),
    unclaim: (execution, n) => write('unclaim', execution, n),
    reopen: async (execution, frame, told) => write('reopen', execution, encode([frame]), told),
    cancel: async (execution, frames, options) => write('cancel', execution, encode(frames), options),
    audit: told => write('audit', told),
    auditPage: async query => reading(() => audit.page(query)),
    seal: async () => (reading(() => blocks.isUnsealed()) ? sealAll(write) : 0),
    auditHeads: async () => reading(() => blocks.heads()),
    due: async limit => reading(() => queries.due(clock.now(), limit)),
    sweep: () => sweep(write, auditMs),
    scrub: () => scrub(write, dir),
    read: async execution => reading(() => queries.read(execution)),
    find: async ref => reading(() => queries.find(ref)),
    earlier: async (lane, before, limit) => reading(() => queries.earlier(lane, before, limit)),
    lastInbound: async lane => reading(() => queries.lastInbound(lane)),
    unsettled: async lane => reading(() => queries.unsettled(lane)),
    questions: async query => reading(() => queries.questions(query)),
    blob: async id => reading(() => queries.blob(id)),
    record: async key => reading(() => records.one(key)),
    records: async (of, page) => reading(() => records.page(of, page)),
    recordsUnder: async (of, page) => reading(() => records.under(of, page)),
    async putRecord(key, data, expected) {
      const writing = records.writing(key)
      const written = await write('putRecord', key, data === null ? null : JSON.stringify(data), expected)
      writing.settled()
      return written
    },
    take: (key, windowMs) => write('take', key, windowMs),
    spend: async (...asked) => reading(() => spend(...asked)),
    conversations: async page => reading(() => conversations.page(page)),
    conversation: async (lane, limit) => reading(() => conversations.one(lane, limit)),
    depth: async () => reading(() => ({ ...queries.depth(clock.now()), unsealedMs: blocks.unsealedMs(clock.now()) })),
    onRing(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async ready() {
      space.check()
      await write('probe')
    },
    async inspect() {
      const durability = await write('durability')
      return reading(() => inspectDatabase({ db, dir, space, durability }))
    },
    async close() {
      await flush()
      if (!db.isOpen) return
      // Before the other connection, because the last to close empties the log.
      db.close()
      await close()
      lock.release()
    }
  }
}

function goingOn({ ended, next }: { ended: boolean; next: Kept | null }) {
  return { ended, next: next === null ? null : toExecution(next) }
}

import type { DatabaseSync } from 'node:sqlite'
import { createAuditWriter } from './audit.ts'
import { createSealer } from './audit-blocks.ts'
import { createExecutions } from './executions.ts'
import { readDurability } from './inspect.ts'
import { createIntake } from './intake.ts'
import { createJournal } from './journal.ts'
import { createLanes, type Lanes } from './lanes.ts'
import { createLimits } from './limits.ts'
import { createLoader } from './load.ts'
import { createRecordWriter } from './records.ts'
import { createSweeper } from './sweeper.ts'
import { createWork } from './work.ts'

/**
 * Every change there is, by name. Each is a function of the time it was asked for (ms) and of plain data, because it comes from
 * another thread; it is run inside a transaction, maybe twice, and does nothing but read and write `db`.
 */
export type Changes = ReturnType<typeof prepare>
export type ChangeName = keyof Changes

/** What a change takes besides the time. */
export type ArgumentsOf<N extends ChangeName> = Parameters<Changes[N]> extends [number, ...infer Rest] ? Rest : []

/** A change that is asked for: its name, the time, and what it is to be called with. */
export interface Asked {
  readonly name: ChangeName
  readonly now: number
  readonly args: readonly unknown[]
}

/** Prepares to make changes. `contentMs`: how long an execution that ends at the door keeps its content. */
export function createChanges(db: DatabaseSync, contentMs: number) {
  const lanes = createLanes(db)
  const changes = prepare(db, lanes, contentMs)
  return {
    perform: ({ name, now, args }: Asked): unknown =>
      (changes[name] as (now: number, ...args: readonly unknown[]) => unknown)(now, ...args),
    /** What a change still needs after its commit. What was deleted is overwritten in the database (secure_delete); the log may hold a copy. */
    afterwards({ name }: Asked): void {
      if (name === 'emptyLog') db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    },
    /** Whether a lane was made due since the last time of asking. */
    takeRung: lanes.takeRung
  }
}

function prepare(db: DatabaseSync, lanes: Lanes, contentMs: number) {
  const journal = createJournal(db)
  const executions = createExecutions(db, journal)
  const { audit } = createAuditWriter(db)
  return {
    audit,
    ...createIntake({ journal, executions, lanes, contentMs }),
    ...createWork({ journal, executions, lanes }),
    ...createRecordWriter(db),
    ...createLimits(db),
    ...createLoader(db, lanes),
    ...createSealer(db),
    ...createSweeper({ db, journal, executions, lanes }),
    durability: (_now: number) => readDurability(db),
    /** Only asks for `afterwards`: a log cannot be emptied inside a transaction. */
    emptyLog: (_now: number): void => {}
  }
}

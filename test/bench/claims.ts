import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/frames/clock.ts'
import { systemEntropy } from '../../src/frames/entropy.ts'
import { openMongoStore } from '../../src/store/mongodb/mongodb.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite.ts'
import type { Store } from '../../src/store/store.ts'
import { message } from '../store/builders.ts'
import { keysExamined } from './keys-examined.ts'
import { median, type Round } from './lines.ts'
import { type Ground, newDatabase, visit } from './place.ts'

/** The median claim of a long and of a short backlog (ms), and on MongoDB the most index keys that a claim of the long one looked at. */
export interface Claims {
  readonly rounds: readonly Round[]
  readonly keys: number | null
}

interface Backlog {
  readonly store: Store
  readonly uri: string | null
  drop(): Promise<void>
}

const parts = { clock: systemClock, entropy: systemEntropy, contentMs: 1_000 }

/** Takes the next lane of a long and of a short backlog in turns; each round holds the median claim of both, ms. */
export async function compareClaims(options: {
  rounds: number
  claims: number
  long: number
  short: number
  ground: Ground
}): Promise<Claims> {
  const backlogs = [await open(options.ground), await open(options.ground)] as const
  for (const [which, lanes] of [options.long, options.short].entries()) await fill(backlogs[which]?.store, lanes)
  const rounds: Round[] = []
  for (let i = 0; i < options.rounds; i++) {
    const times: [number[], number[]] = [[], []]
    for (let claim = 0; claim < options.claims; claim++) {
      for (const [which, { store }] of backlogs.entries()) times[which]?.push(await timeClaim(store))
    }
    rounds.push({ ours: median(times[0]), peer: median(times[1]) })
  }
  const [{ store, uri }] = backlogs
  const claimSome = async () => {
    for (let i = 0; i < options.claims; i++) await timeClaim(store)
  }
  const keys = uri === null ? null : await keysExamined(uri, claimSome)
  for (const backlog of backlogs) await backlog.drop()
  return { rounds, keys }
}

async function timeClaim(store: Store): Promise<number> {
  const started = performance.now()
  const claim = await store.claim({ tenants: ['tenant-1'], owner: 'bench', leaseMs: 60_000 })
  const ms = performance.now() - started
  if (claim === null) throw new Error('the backlog is empty')
  // It goes back to the end, so that the backlog stays as long as it is.
  await store.release(claim.lease)
  return ms
}

async function open({ mongodb }: Ground): Promise<Backlog> {
  if (mongodb !== undefined) {
    const uri = newDatabase(mongodb.uri)
    const store = await openMongoStore({ uri, ...parts })
    const drop = async () => {
      await store.close()
      await visit(uri, db => db.dropDatabase())
    }
    return { store, uri, drop }
  }
  const dir = mkdtempSync(join(tmpdir(), 'knomly-bench-'))
  const store = await openSqliteStore({ dir, ...parts })
  const drop = async () => {
    await store.close()
    rmSync(dir, { recursive: true })
  }
  return { store, uri: null, drop }
}

async function fill(store: Store | undefined, lanes: number): Promise<void> {
  const batch = 1_000
  for (let from = 0; from < lanes; from += batch) {
    const size = Math.min(batch, lanes - from)
    await Promise.all(Array.from({ length: size }, (_, i) => store?.accept(message({ lane: `lane-${from + i}` }))))
  }
}

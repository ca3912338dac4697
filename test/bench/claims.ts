import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/frames/clock.ts'
import { systemEntropy } from '../../src/frames/entropy.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite.ts'
import type { Store } from '../../src/store/store.ts'
import { message } from '../store/builders.ts'
import { median, type Round } from './lines.ts'

/** Takes the next lane of a long and of a short backlog in turns; each round holds the median claim of both, ms. */
export async function compareClaims(options: { rounds: number; claims: number; long: number; short: number }) {
  const backlogs = [await fill(options.long), await fill(options.short)] as const
  const rounds: Round[] = []
  for (let i = 0; i < options.rounds; i++) {
    const times: [number[], number[]] = [[], []]
    for (let claim = 0; claim < options.claims; claim++) {
      for (const [which, { store }] of backlogs.entries()) times[which]?.push(await timeClaim(store))
    }
    rounds.push({ ours: median(times[0]), peer: median(times[1]) })
  }
  for (const { store, dir } of backlogs) {
    await store.close()
    rmSync(dir, { recursive: true })
  }
  return rounds
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

async function fill(lanes: number): Promise<{ store: Store; dir: string }> {
  const dir = mkdtempSync(join(tmpdir(), 'knomly-bench-'))
  const store = await openSqliteStore({ dir, clock: systemClock, entropy: systemEntropy, contentMs: 1_000 })
  const batch = 1_000
  for (let from = 0; from < lanes; from += batch) {
    const size = Math.min(batch, lanes - from)
    await Promise.all(Array.from({ length: size }, (_, i) => store.accept(message({ lane: `lane-${from + i}` }))))
  }
  return { store, dir }
}

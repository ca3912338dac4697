import type { Kill } from './cases/kills.ts'
import { type Point, points } from './points.ts'

// A message may be met by every kill of a chain: it must not look like one that kills the process.
const mostEach = 4
const latest = 3

/**
 * Plans `times` kills at every point, in an order and at passings that the seed decides, as chains of rounds for one field after the
 * other; in each round `atOnce` servers die.
 */
export function planKills(times: number, seed: number, atOnce = 1, more: readonly Point[] = []): Kill[][][] {
  const random = randomOf(seed)
  const all = Array.from({ length: times }, () =>
    [...points, ...more]
      .map(point => ({ point, occurrence: 1 + Math.floor(random() * latest), place: random() }))
      .sort((a, b) => a.place - b.place)
      .map(({ point, occurrence }) => ({ point, occurrence }))
  ).flat()
  return chunks(chunks(all, atOnce), Math.floor(mostEach / atOnce))
}

function chunks<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size))
}

/** Runs tasks, `atOnce` of them at a time, and answers what each came to, in order. */
export async function inTurns<T>(atOnce: number, tasks: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = []
  const waiting = tasks.entries()
  const take = async () => {
    for (const [i, task] of waiting) results[i] = await task()
  }
  await Promise.all(Array.from({ length: atOnce }, take))
  return results
}

/** A small generator of the same numbers for the same seed (Lehmer, minimal standard): nothing here needs a better one. */
export function randomOf(seed: number): () => number {
  let state = (seed % 2_147_483_646) + 1
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

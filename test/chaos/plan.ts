import type { Kill } from './cases/kills.ts'
import { points } from './points.ts'

const killsEach = 3
const latest = 3

/** Plans `rounds` kills at every point, in an order and at passings that the seed decides, as chains for one server after the other. */
export function planKills(rounds: number, seed: number): Kill[][] {
  const random = randomOf(seed)
  const all = Array.from({ length: rounds }, () =>
    points
      .map(point => ({ point, occurrence: 1 + Math.floor(random() * latest), place: random() }))
      .sort((a, b) => a.place - b.place)
      .map(({ point, occurrence }) => ({ point, occurrence }))
  ).flat()
  return Array.from({ length: Math.ceil(all.length / killsEach) }, (_, i) =>
    all.slice(i * killsEach, (i + 1) * killsEach)
  )
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
function randomOf(seed: number): () => number {
  let state = (seed % 2_147_483_646) + 1
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

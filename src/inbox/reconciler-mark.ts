import type { Clock } from '../frames/clock.ts'
import type { Store } from '../store/store.ts'

const minute = 60_000
const hour = 60 * minute

/** How old a message must be: by then its webhook has come, or all of Twilio's own tries are over. */
const settledMs = 2 * minute
/** How far back a listing goes before the last one that was complete: lists lag behind, and clocks differ. */
const overlapMs = 5 * minute
const leastMs = hour
const mostMs = 24 * hour
/** After this a turn is anybody's: whoever took it is dead, or too slow to say how it ended. */
const turnMs = 2 * minute
/** The pause after a turn: with every process looking each minute, one of them finds it over. */
const pauseMs = 50_000

/** What is remembered of the listings of one tenant: instants in ms. */
export interface Mark {
  /** When this store was first started: what is older was never ours to answer. */
  readonly startedAt: number
  /** Until when everything listed is kept. */
  readonly reachedAt: number
  /** Before this nobody takes a turn. */
  readonly freeAt: number
}

/** The right to list, until `end` or for two minutes. */
export interface Turn {
  readonly window: { readonly since: number; readonly until: number }
  /** Gives the turn back. The mark moves if the window was `reached`, and a turn that was `stopped` is free at once. */
  end(how: 'reached' | 'not reached' | 'stopped'): Promise<void>
}

/** Takes the turn of a tenant, or answers null: somebody else has it, it is not time, or there is nothing to list yet. */
export async function takeTurn({ store, clock }: { store: Store; clock: Clock }, tenant: string): Promise<Turn | null> {
  const key = { tenant, user: 'server', kind: 'reconciler', id: 'mark' }
  const record = await store.record(key)
  const now = clock.now()
  if (record === null) {
    await store.putRecord(key, { startedAt: now, reachedAt: now, freeAt: now } satisfies Mark, 0)
    return null
  }
  const mark = record.data as Mark
  const window = windowOf(mark, now)
  if (window === null || !isFree(mark, now)) return null
  const taken: Mark = { ...mark, freeAt: now + turnMs }
  if (!(await store.putRecord(key, taken, record.version))) return null
  return {
    window,
    async end(how) {
      const reachedAt = how === 'reached' ? window.until : mark.reachedAt
      const ended: Mark = { ...mark, reachedAt, freeAt: how === 'stopped' ? clock.now() : now + pauseMs }
      // Where it is refused, the turn was taken over: whoever has it lists this window as well.
      await store.putRecord(key, ended, record.version + 1)
    }
  }
}

/** What is listed at `now`; null while there is nothing. */
export function windowOf({ startedAt, reachedAt }: Mark, now: number): Turn['window'] | null {
  const until = now - settledMs
  const since = Math.max(startedAt, now - mostMs, Math.min(reachedAt - overlapMs, now - leastMs))
  return since < until ? { since, until } : null
}

/** An end later than any turn takes was written by a clock that is ahead: it holds nobody up. */
function isFree({ freeAt }: Mark, now: number): boolean {
  return freeAt <= now || freeAt > now + turnMs
}

import type { AuditRecord } from '../audit.ts'
import { reopenable } from '../rules.ts'
import type { Extras, Store } from '../store.ts'
import type { Executions, NewExecution, Standing } from './executions.ts'
import { follow, type Journal, type Page } from './journal.ts'
import type { Lanes } from './lanes.ts'

/** What reaches an execution from outside, without a lease: the message itself, notes, decisions and retries. */
export function createIntake(parts: { journal: Journal; executions: Executions; lanes: Lanes; contentMs: number }) {
  const { journal, executions, lanes, contentMs } = parts

  const add = (standing: Standing, pages: readonly Page[], extras?: Extras): void => {
    journal.write(standing.arrival, pages, extras)
    executions.advance(standing.arrival, pages)
  }

  // A purged execution takes no more frames: they would stand without the ones before them.
  const before = (id: string, pages: readonly Page[]): Standing | null => {
    const standing = executions.standing(id)
    return standing !== undefined && standing.purged === 0 && follow(pages, standing.n) ? standing : null
  }

  return {
    accept(now: number, message: NewExecution, pages: readonly Page[]): 'accepted' | 'duplicate' {
      const isWork = message.state === 'queued'
      const arrival = executions.insert(message, now, pages, isWork ? null : now + contentMs)
      if (arrival === null) return 'duplicate'
      journal.write(arrival, pages, { audit: { intents: [], outcomes: message.audit ?? [] } })
      lanes.arrive(now, message.lane, message.tenant, arrival, isWork)
      return 'accepted'
    },
    note(_now: number, id: string, pages: readonly Page[], extras?: Pick<Extras, 'refs'>): boolean {
      const standing = before(id, pages)
      if (standing === null) return false
      add(standing, pages, extras)
      return true
    },
    decide(
      now: number,
      id: string,
      pages: readonly Page[],
      approval: { id: string; state: string },
      outcomes: readonly AuditRecord[] = []
    ): boolean {
      const standing = before(id, pages)
      if (standing === null || !executions.settle(standing.arrival, approval)) return false
      add(standing, pages, { audit: { intents: [], outcomes } })
      executions.queueLast(standing.arrival)
      lanes.ring(now, standing.lane)
      return true
    },
    reopen(now: number, id: string, pages: readonly Page[], outcomes: readonly AuditRecord[] = []): boolean {
      const standing = before(id, pages)
      if (standing === null || !reopenable.has(standing.state)) return false
      add(standing, pages, { audit: { intents: [], outcomes } })
      executions.queueLast(standing.arrival)
      lanes.ring(now, standing.lane)
      return true
    },
    cancel(
      _now: number,
      id: string,
      pages: readonly Page[],
      { purgeAt, audit = [] }: Parameters<Store['cancel']>[2]
    ): boolean {
      const standing = before(id, pages)
      if (standing === null || !executions.cancel(standing.arrival, purgeAt)) return false
      add(standing, pages, { audit: { intents: [], outcomes: audit } })
      return true
    }
  }
}

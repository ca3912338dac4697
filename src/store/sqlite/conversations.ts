import type { DatabaseSync } from 'node:sqlite'
import type { State } from '../../frames/execution.ts'
import { shownExecutions } from '../rules.ts'
import type { Store } from '../store.ts'
import type { ConversationSummary } from '../summaries.ts'
import { position } from './position.ts'
import { history } from './queries.ts'

type Lane = { lane: string; tenant: string; newest: number }

/** The conversations for an operator's eyes. A page ends at an arrival number, so messages that come in between neither hide nor repeat a line. */
export function createConversations(db: DatabaseSync) {
  const page = db.prepare('SELECT lane, tenant, newest FROM lanes WHERE newest < ? ORDER BY newest DESC LIMIT ?')
  const one = db.prepare('SELECT lane, tenant, newest FROM lanes WHERE lane = ?')
  const executions = db.prepare(
    `${history(':newest')} SELECT id, state, at FROM history JOIN executions USING (arrival) ORDER BY arrival DESC`
  )

  const summarise = ({ lane, tenant, newest }: Lane, limit: number): ConversationSummary => {
    const rows = executions.all({ newest, limit }) as { id: string; state: State; at: number }[]
    const shown = rows.map(row => ({ ...row, at: new Date(row.at).toISOString() }))
    return { id: lane, tenant, lastAt: shown[0]?.at ?? '', executions: shown.toReversed() }
  }

  return {
    /** Throws QUERY_INVALID for an `after` that no page gave. */
    page({ after, limit }: Parameters<Store['conversations']>[0]): Awaited<ReturnType<Store['conversations']>> {
      const lanes = page.all(after === undefined ? Number.MAX_SAFE_INTEGER : position(after), limit + 1) as Lane[]
      const shown = lanes.slice(0, limit)
      return {
        conversations: shown.map(lane => summarise(lane, shownExecutions)),
        next: lanes.length > limit ? String(shown.at(-1)?.newest) : null
      }
    },
    one(lane: string, limit: number): ConversationSummary | null {
      const found = one.get(lane) as Lane | undefined
      return found === undefined ? null : summarise(found, limit)
    }
  }
}

import fp from 'fastify-plugin'
import { z } from 'zod'
import { type Question, questionsIn } from '../../src/frames/approval.ts'
import { type Execution, framesOf } from '../../src/frames/execution.ts'
import type { Store } from '../../src/store/store.ts'

export interface ApprovalsOptions {
  readonly store: Pick<Store, 'questions'>
  /** Whose questions are shown. */
  readonly tenants: readonly string[]
  /** Rejects with NOT_FOUND, NOT_ASKED_YET, AGREED_ALREADY or DECIDED_ALREADY. */
  readonly decide: (id: string, state: 'approved' | 'denied') => Promise<{ state: string }>
}

const states = ['pending', 'approved', 'denied', 'expired', 'cancelled', 'superseded', 'executing'] as const
const outcomes = ['executed', 'failed', 'unknown'] as const
const page = z.strictObject({
  state: z.enum([...states, ...outcomes]).optional(),
  after: z.string().min(1).max(500).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(50)
})
const one = z.strictObject({ id: z.string().max(200) })
const decision = z.strictObject({ decision: z.enum(['approve', 'deny']) })

/** `GET /api/approvals`, newest first, and `POST /api/approvals/:id` with the operator's decision. */
export const approvals = fp<ApprovalsOptions>(
  async (app, { store, tenants, decide }) => {
    app.get<{ Querystring: z.infer<typeof page> }>(
      '/api/approvals',
      { schema: { querystring: page } },
      async ({ query: { state, after, limit } }) => {
        const { executions, next } = await store.questions({ tenants, pending: state === 'pending', after, limit })
        const shown = executions.flatMap(shownOf)
        return { approvals: shown.filter(each => state === undefined || each.state === state), next }
      }
    )

    app.post<{ Params: z.infer<typeof one>; Body: z.infer<typeof decision> }>(
      '/api/approvals/:id',
      { schema: { params: one, body: decision }, bodyLimit: 1_024 },
      async ({ params, body }) => decide(params.id, body.decision === 'approve' ? 'approved' : 'denied')
    )
  },
  { name: 'api-approvals', dependencies: ['operator-login', 'zod-validation'], encapsulate: true }
)

function shownOf(execution: Execution) {
  const asked = questionsIn(execution.frames)
  return asked.toReversed().map(question => {
    const { id, at, data } = question.request
    const { tenant, principal, tool, class: toolClass, arguments: args, target, exp } = data.binding
    const state = stateOf(execution, question, asked)
    const times = { createdAt: at, expiresAt: new Date(exp).toISOString() }
    const agreed = agreedBy(question)
    const about = { id, execution: execution.id, tenant, principal, tool, class: toolClass, args, target }
    return { ...about, state, agreed, ...times }
  })
}

/** Who has agreed so far, the first one first; a question of high risk needs both. */
function agreedBy({ agreed, decided }: Question): string[] {
  const last = decided?.data.state === 'approved' ? [decided.data.by] : []
  return [...agreed.map(({ data }) => data.by), ...last]
}

/** What became of a question: its answer, and of an approved one what became of the call. */
function stateOf({ frames }: Execution, { request, decided }: Question, asked: readonly Question[]) {
  const { call } = request.data.binding
  const isNewest = asked.findLast(each => each.request.data.binding.call === call)?.request.id === request.id
  if (!isNewest) return 'superseded'
  if (decided?.data.state !== 'approved') return decided?.data.state ?? 'pending'
  const result = framesOf(frames, 'tool.finished').find(({ n, data }) => n > decided.n && data.call === call)
  if (result !== undefined) return result.data.outcome === 'done' ? 'executed' : 'failed'
  if (framesOf(frames, 'outcome.unknown').some(({ n }) => n > decided.n)) return 'unknown'
  return framesOf(frames, 'tool.started').some(({ n }) => n > decided.n) ? 'executing' : 'approved'
}

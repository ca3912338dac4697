import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { approvedBinding, questionsIn, type Request } from '../../src/frames/approval.ts'
import { systemEntropy } from '../../src/frames/entropy.ts'
import { type Draft, type Frame, makeFrame } from '../../src/frames/frame.ts'
import { noTail } from '../../src/frames/tail.ts'
import {
  approveQuestion,
  countWrongCode,
  decideAsOperator,
  type QuestionParts,
  refuseQuestion,
  type Waiting
} from '../../src/inbox/questions.ts'
import { auditOf } from '../audit/audit-of.ts'
import { said } from '../pipeline/engine-on-store.ts'
import { randomFrom } from '../random.ts'
import { openStore } from '../store/open-sqlite.ts'

const leaseMs = 60_000
const provenance = { origin: 'test', integrity: 'user_typed', confidentiality: 'user', ref: null } as const

/** A store in which calls of a class can be parked for their question. */
async function asking(t: Test) {
  const { store, clock } = await openStore(t)
  const parts: QuestionParts = {
    ...{ store, clock: { ...clock, monotonic: clock.now }, entropy: systemEntropy, observe: () => {}, auditOf }
  }
  let made = 0
  /** Parks a question of this class and answers what waits. */
  const ask = async (toolClass: 'H' | 'D'): Promise<Waiting> => {
    // A tenant of its own: what was decided before is due again in another.
    const [id, lane, tenant] = [`m${++made}`, `lane-${made}`, `AC${made}`]
    const frames: Frame[] = [makeFrame(id, noTail, said('export it'), parts) as Frame]
    await store.accept({ id, lane, tenant, principal: lane, frames, state: 'queued' })
    const claim = await store.claim({ tenants: [tenant], owner: 'test', leaseMs })
    if (claim === null) throw new Error('nothing is due')
    const binding = {
      ...{ v: 1, tenant, principal: lane, channel: 'messaging', execution: id, call: 'c', tool: 'export_data' },
      ...{ schemaHash: 's', arguments: {}, target: null, class: toolClass, rule: 'r', policyVersion: 'p' },
      ...{ integrity: 'user_typed', iat: clock.now(), exp: clock.now() + leaseMs, nonce: 'n' }
    }
    const data = { binding, hash: 'h', again: 0, prompt: 'export?' }
    const draft = { kind: 'approval.requested', data, parent: null, provenance } as unknown as Draft
    const request = makeFrame(id, frames[0] as Frame, draft, parts) as Request
    const approval = { id: request.id, hash: 'h', state: 'pending', expiresAt: binding.exp }
    const parking = {
      frames: [request],
      approval,
      timerAt: binding.exp,
      takeNext: false,
      extras: { refs: [request.id] }
    }
    await store.park(claim.lease, id, parking)
    const execution = await store.read(id)
    if (execution?.state !== 'parked') throw new Error('it is not parked')
    return { execution, request }
  }
  return { parts, ask }
}

const word = (how: 'code' | 'button', evidence: string) => ({ by: 'principal', how, evidence }) as const

/** What anybody may try; each answers whether it was an agreement, and whose. */
const acts = {
  code: (parts: QuestionParts, of: Waiting, i: number) =>
    approveQuestion(parts, of, word('code', `code-${i}`), provenance),
  tap: (parts: QuestionParts, of: Waiting, i: number) =>
    approveQuestion(parts, of, word('button', `tap-${i}`), provenance),
  'same code again': (parts: QuestionParts, of: Waiting) => approveQuestion(parts, of, word('code', 'one'), provenance),
  operator: (parts: QuestionParts, of: Waiting) => decideAsOperator(parts, of.request.id, 'approved'),
  'wrong code': (parts: QuestionParts, of: Waiting, i: number) => countWrongCode(parts, of, `wrong-${i}`, provenance),
  no: (parts: QuestionParts, of: Waiting, i: number) =>
    refuseQuestion(parts, of, { state: 'denied', by: 'principal', how: 'words', evidence: `no-${i}` }, provenance),
  'operator no': (parts: QuestionParts, of: Waiting) => decideAsOperator(parts, of.request.id, 'denied')
}
type Act = keyof typeof acts

t.test('no order of what one person says approves a call of high risk', async t => {
  const { parts, ask } = await asking(t)
  const random = randomFrom(20261123)
  const came = { approved: 0, denied: 0, open: 0 }
  const names = Object.keys(acts) as Act[]
  for (let turn = 0; turn < 200; turn++) {
    // Refusals are rarer, so that not every question ends with one.
    const some = names.filter(name => !/no|wrong/.test(name) || random() < 0.15)
    const tried = Array.from(
      { length: 1 + Math.floor(random() * 6) },
      () => some[Math.floor(random() * some.length)] as Act
    )
    const question = await ask('H')
    await Promise.all(
      tried.map(async (act, i) => {
        if (random() < 0.5) await wait(Math.floor(random() * 3))
        await acts[act](parts, question, i).catch(error => {
          if (!['DECIDED_ALREADY', 'AGREED_ALREADY'].includes(error.code)) throw error
        })
      })
    )
    const frames = (await parts.store.read(question.execution.id))?.frames ?? []
    const [{ agreed, decided } = { agreed: [], decided: undefined }] = questionsIn(frames)
    const said = new Set([...agreed.map(({ data }) => data.by), decided?.data.by])
    const isApproved = decided?.data.state === 'approved'
    const has = (pattern: RegExp) => tried.some(act => pattern.test(act))
    const both = has(/code$|tap|again/) && has(/^operator$/)
    if (isApproved && !(said.has('principal') && said.has('operator') && both)) return t.fail(`approved by ${tried}`)
    if (!isApproved && both && !has(/no|wrong/)) return t.fail(`two agreed and it is not approved: ${tried}`)
    if ((approvedBinding(frames, 'c') !== null) !== isApproved) return t.fail('a permit without two people')
    if (agreed.length > 1) return t.fail(`${agreed.length} first words`)
    came[isApproved ? 'approved' : decided === undefined ? 'open' : 'denied']++
  }
  for (const [what, count] of Object.entries(came)) t.ok(count > 15, `${what}: ${count}`)
})

t.test('what was forged into the frames of one person is no approval either', async t => {
  const { parts, ask } = await asking(t)
  const { execution, request } = await ask('H')
  const decided = (by: 'principal' | 'operator') =>
    ({
      kind: 'approval.decided',
      ...{ parent: request.id, provenance },
      data: { approval: request.id, state: 'approved', by, how: 'code', evidence: null }
    }) as const
  for (const by of ['principal', 'operator'] as const) {
    const frame = makeFrame(execution.id, request, decided(by), parts) as Frame
    t.equal(approvedBinding([...execution.frames, frame], 'c'), null, by)
  }
  const agreed = makeFrame(
    execution.id,
    request,
    {
      kind: 'approval.agreed',
      ...{ parent: request.id, provenance },
      data: { approval: request.id, by: 'principal', how: 'code', evidence: 'e' }
    },
    parts
  ) as Frame
  const before = [...execution.frames, agreed]
  const second = makeFrame(execution.id, agreed, decided('principal'), parts) as Frame
  t.equal(approvedBinding([...before, second], 'c'), null, 'one person twice')
  const operator = makeFrame(execution.id, agreed, decided('operator'), parts) as Frame
  t.match(approvedBinding([...before, operator], 'c'), { class: 'H' })
  const of = (frame: Frame) => ({ ...frame, data: { ...frame.data, approval: 'another' } }) as Frame
  t.equal(approvedBinding([...execution.frames, of(agreed), operator], 'c'), null, 'agreed to another question')
})

t.test('the same evidence judged twice is one word, and a call of another class needs one', async t => {
  const { parts, ask } = await asking(t)
  const question = await ask('H')
  const say = (evidence: string) => approveQuestion(parts, question, word('code', evidence), provenance)
  t.strictSame(await say('one'), { came: 'agreed' })
  t.strictSame(await say('one'), { came: 'agreed' }, 'a judge that died is not told that somebody else agreed')
  t.strictSame(await say('two'), { came: 'agreed-before' })
  t.strictSame(await decideAsOperator(parts, question.request.id, 'approved'), { state: 'approved' })
  t.match(await say('one'), { came: 'late', answer: { by: 'operator' } })
  const ids = (
    await parts.store.auditPage({ tenants: [question.execution.tenant], action: 'approval.agree', limit: 10 })
  ).records
  t.match(ids, [{ outcome: 'agreed', detail: { by: 'principal', how: 'code', evidence: 'one' } }])
  const plain = await ask('D')
  t.match(await approveQuestion(parts, plain, word('code', 'x'), provenance), { came: 'decided' })
})

import { createHash } from 'node:crypto'
import canonicalize from 'canonicalize'
import t from 'tap'
import { systemClock } from '../../src/frames/clock.ts'
import { systemEntropy } from '../../src/frames/entropy.ts'
import { type Draft, type Frame, makeFrame } from '../../src/frames/frame.ts'
import { type Kind, kinds } from '../../src/frames/kinds.ts'
import { noTail } from '../../src/frames/tail.ts'
import type { AuditRecord } from '../../src/store/audit.ts'
import { auditOf, fingerprint } from './audit-of.ts'

const id = 'messaging:AC1:SM1'
const subject = { id, tenant: 'AC1', principal: 'p'.repeat(22) }
const planted = 'planted words'
const provenance = { origin: 'test', integrity: 'system', confidentiality: 'user', ref: null } as const

const started = { call: 'c1', tool: 'create_task', class: 'W0', arguments: { title: planted, $due: null } } as const
const turn = { memory: [], provider: planted, model: planted, instructions: planted, tokens: { input: 1, output: 1 } }

t.test('a call has an intent and an outcome under the position of its start', async t => {
  const call = story()
  const start = call.next('tool.started', started)
  const [intent] = call.told
  t.match(call.told, [{ id: `${id}:1:intent`, outcome: null, actor: subject.principal, tenant: 'AC1', execution: id }])
  const hash = fingerprint(start, canonicalize(started.arguments) ?? '')
  t.strictSame(intent?.detail, { tool: 'create_task', class: 'W0', arguments: hash })
  t.match(hash, /^[0-9a-f]{32}$/)
  call.clock.ms += 1_500
  call.next('tool.finished', finished('done'), start.id)
  t.match(call.told.slice(1), [
    {
      id: `${id}:1:outcome`,
      action: 'tool.call',
      outcome: 'done',
      at: call.frames[1]?.at,
      detail: { ...intent?.detail, ms: 1_500 }
    }
  ])
})

t.test('a call that was not let through is told of once, and a tool that nobody has is not named', async t => {
  const call = story()
  call.next('tool.finished', { ...finished('refused'), tool: 'delete_task', code: 'APPROVAL_UNAVAILABLE' })
  call.next('tool.finished', { ...finished('refused'), tool: planted, code: 'TOOL_UNKNOWN' })
  t.match(call.told, [
    { id: `${id}:1:refused`, action: 'tool.call', outcome: 'refused', detail: { tool: 'delete_task', class: 'D' } },
    { id: `${id}:2:refused`, detail: { tool: null, class: null, code: 'TOOL_UNKNOWN' } }
  ])
})

t.test('what an operator says of an unknown outcome is a record beside it', async t => {
  const call = story()
  const start = call.next('tool.started', started)
  call.next('outcome.unknown', { code: 'OUTCOME_UNKNOWN', step: 'run-tool', from: 1 })
  call.next('work.retried', { from: 1, effect: 'happened' })
  call.next('tool.finished', { ...finished('done'), code: 'OPERATOR' }, start.id)
  t.match(call.told, [
    { id: `${id}:1:intent` },
    { id: `${id}:1:outcome`, outcome: 'unknown', actor: subject.principal },
    {
      id: `${id}:3:retry`,
      action: 'execution.retry',
      actor: 'operator',
      outcome: 'done',
      detail: { from: 1, effect: 'happened' }
    },
    { id: `${id}:4:decided`, action: 'tool.call', outcome: 'done', actor: 'operator', detail: { started: 1 } }
  ])
})

t.test('each attempt to send a part has an intent and an outcome', async t => {
  const send = story()
  send.next('reply.drafted', { parts: [planted, 'two'], sentence: null, turn: null })
  const start = send.next('reply.started', { part: 0, attempt: 1 })
  send.next('attempt.failed', failedAttempt(2))
  const again = send.next('reply.started', { part: 0, attempt: 2 })
  send.next('reply.part-sent', { part: 0, message: 'SM2', reconciled: false }, again.id)
  send.next('reply.started', { part: 1, attempt: 1 })
  send.next('work.failed', { code: 'SEND_UNDELIVERABLE', step: 'send-part', from: 6, tries: 3 })
  t.match(send.told, [
    {
      id: `${id}:2:intent`,
      action: 'reply.send',
      detail: { part: 0, attempt: 1, text: fingerprint(start, `"${planted}"`) }
    },
    { id: `${id}:2:outcome`, outcome: 'failed', detail: { code: 'PROVIDER_UNAVAILABLE' } },
    { id: `${id}:4:intent`, detail: { attempt: 2 } },
    { id: `${id}:4:outcome`, outcome: 'done', detail: { message: 'SM2', reconciled: false, part: 0 } },
    { id: `${id}:6:intent`, detail: { part: 1 } },
    { id: `${id}:6:outcome`, outcome: 'failed', detail: { code: 'SEND_UNDELIVERABLE', tries: 3 } }
  ])
  const retried = send.next('work.retried', { from: 6 })
  send.next('reply.part-sent', { part: 1, message: 'SM3', reconciled: true }, send.frames[5]?.id)
  t.match(send.told.slice(-1), [{ id: `${id}:${retried.n + 1}:decided`, outcome: 'done', detail: { started: 6 } }])
})

t.test('an effect at which the process died too often, or hours ago, has an unknown outcome', async t => {
  for (const code of ['WORK_KILLS_THE_PROCESS', 'WORK_STALE']) {
    const call = story()
    call.next('tool.started', started)
    call.next('work.failed', { code, step: 'claim', from: 1, tries: 5 })
    t.match(call.told.at(-1), { id: `${id}:1:outcome`, outcome: 'unknown', detail: { code } })
  }
})

t.test('a refused message is told of by its reason', async t => {
  const refusal = story()
  refusal.next('text.received', message)
  refusal.next('message.refused', { reason: 'rate-limited', tell: true })
  t.match(refusal.told, [
    {
      id: `${id}:2:refused`,
      action: 'message.refuse',
      actor: subject.principal,
      outcome: 'refused',
      detail: { reason: 'rate-limited' }
    }
  ])
})

t.test('every kind that is an effect or decides one is told of, and no other', async t => {
  const silent = new Set(Object.keys(kinds))
  const data: { [K in Kind]?: unknown } = {
    'tool.started': started,
    'tool.finished': finished('done'),
    'reply.started': { part: 0, attempt: 1 },
    'reply.part-sent': { part: 0, message: 'SM2', reconciled: true },
    'approval.requested': question,
    'prompt.started': { approval: 'q1', attempt: 1 },
    'prompt.posted': { approval: 'q1', message: 'SM3', reconciled: false },
    'approval.agreed': { approval: 'q1', by: 'operator', how: 'api', evidence: null },
    'approval.decided': { approval: 'q1', state: 'approved', by: 'principal', how: 'code', evidence: 'e2' },
    'evidence.judged': { verdict: 'refused', reason: 'wrong-code', approvals: ['q1'] },
    'outcome.unknown': { code: 'OUTCOME_UNKNOWN', step: 'run-tool', from: 2 },
    'work.failed': { code: 'WORK_BROKEN', step: 'run-tool', from: 2, tries: 5 },
    'delay.announced': { code: 'DELAYED' },
    'message.refused': { reason: 'opted-out', tell: false },
    'work.retried': { from: 2 },
    'work.cancelled': { reason: 'erased' },
    'budget.exceeded': { budget: 'tokensPerDay', tell: true }
  }
  for (const [kind, value] of Object.entries(data)) {
    const one = everything()
    const before = one.told.length
    one.next(kind as Kind, value, one.frames.find(frame => frame.kind === startOf(kind))?.id ?? null)
    t.equal(one.told.length, before + 1, kind)
    silent.delete(kind)
  }
  const one = everything()
  const before = one.told.length
  for (const kind of silent) {
    const known = one.frames.find(frame => frame.kind === kind)
    one.next(kind as Kind, known?.data ?? notes[kind])
    t.equal(one.told.length, before, kind)
  }
})

t.test('a question is told of by hashes, and its answer with who gave it and how', async t => {
  const asked = story()
  const request = asked.next('approval.requested', question)
  const { id: approval } = request
  for (const by of ['principal', 'operator', 'timer']) {
    const how = { principal: 'code', operator: 'api', timer: 'timer' }[by]
    asked.next('approval.decided', { approval, state: 'denied', by, how, evidence: null })
  }
  const ruled = {
    ...{ tool: 'delete_task', class: 'D', rule: 'D trusted' },
    policyVersion: 'v',
    integrity: 'user_voice'
  }
  const of = (json: string) => fingerprint(request, json)
  const bound = { ...ruled, arguments: of(`{"id":"${planted}"}`), target: of('"f"'), hash: question.hash }
  t.match(asked.told, [
    { id: `${id}:1:asked`, action: 'approval.ask', outcome: 'asked', actor: subject.principal, detail: bound },
    { action: 'approval.decide', outcome: 'denied', actor: subject.principal, detail: { approval, how: 'code' } },
    { actor: 'operator', detail: { by: 'operator' } },
    { actor: 'server', detail: { by: 'timer' } }
  ])
})

t.test('the hash is that of the canonical record, and no word of a person is in any', async t => {
  const all = everything()
  all.next('tool.finished', { ...finished('failed'), result: planted }, all.frames[1]?.id)
  all.next('outcome.unknown', { code: 'OUTCOME_UNKNOWN', step: 'run-tool', from: 2 })
  t.ok(all.told.length >= 4)
  for (const { hash, ...rest } of all.told) {
    t.equal(
      hash,
      createHash('sha256')
        .update(canonicalize(rest) ?? '')
        .digest('hex')
    )
  }
  t.notMatch(JSON.stringify(all.told), /planted|\+1555|Ann/)
})

t.test('records of frames that were moved behind a note go by where the frames came to stand', async t => {
  const call = story()
  const [first] = [call.next('tool.started', started)]
  const { intents } = auditOf({ ...subject, frames: [] }, [{ ...first, n: 3 } as Frame])
  t.match(intents, [{ id: `${id}:3:intent` }])
})

const message = {
  channel: 'messaging',
  account: 'AC1',
  message: 'SM1',
  from: '+15551234567',
  to: '+14155238886',
  profile: 'Ann',
  text: planted,
  media: [],
  forwarded: false
}
const question = {
  binding: {
    ...{
      v: 1,
      ...{ tenant: 'AC1', principal: 'p', channel: 'messaging' },
      execution: id,
      call: 'c1',
      tool: 'delete_task'
    },
    ...{
      schemaHash: 'h',
      arguments: { id: planted },
      target: { id: 't', fingerprint: 'f', label: planted },
      class: 'D'
    },
    ...{ rule: 'D trusted', policyVersion: 'v', integrity: 'user_voice', iat: 1, exp: 2, nonce: 'n' }
  },
  ...{ hash: 'a'.repeat(64), again: 0, prompt: planted }
}
const notes: Record<string, unknown> = {
  'voice.received': message,
  'text.received': message,
  'code.received': message,
  'button.tapped': message,
  'approval.attempted': { approval: 'q1', evidence: 'e2' },
  'command.received': { ...message, command: 'stop', answered: true },
  'audio.downloaded': { attachment: 0, sha256: planted, type: planted, bytes: 1, seconds: null },
  'speech.transcribed': { attachment: 0, text: planted, language: null, provider: planted, model: planted },
  'tool.requested': { calls: [{ id: 'c1', tool: planted, arguments: planted }], text: planted, ...turn },
  'reply.sent': { parts: 1 },
  'reply.delivered': { message: 'SM2', send: null, status: 'delivered', rank: 3 },
  'reply.read': { message: 'SM2', send: null, status: 'read', rank: 4 },
  'reply.failed': { message: 'SM2', send: null, status: 'failed', rank: 4, code: 1 },
  'attempt.failed': failedAttempt(1)
}

function startOf(kind: string): Kind | undefined {
  if (kind === 'prompt.posted') return 'prompt.started'
  return kind === 'tool.finished' ? 'tool.started' : kind === 'reply.part-sent' ? 'reply.started' : undefined
}

function finished(outcome: 'done' | 'failed' | 'refused') {
  return { call: 'c1', tool: 'create_task', outcome, code: null as string | null, result: planted }
}

function failedAttempt(from: number) {
  return { code: 'PROVIDER_UNAVAILABLE', step: 'send-part', from, retryAt: new Date(0).toISOString(), refused: true }
}

/** An execution with a call under way and a part under way. */
function everything() {
  const all = story()
  all.next('text.received', message)
  all.next('tool.started', started)
  all.next('approval.requested', question)
  all.next('prompt.started', { approval: 'q1', attempt: 1 })
  all.next('reply.drafted', { parts: [planted], sentence: null, turn: { ...turn } })
  all.next('reply.started', { part: 0, attempt: 1 })
  return all
}

/** An execution that grows frame by frame, and what is told of it. */
function story() {
  const clock = { ms: systemClock.now(), now: () => clock.ms, monotonic: () => clock.ms }
  const frames: Frame[] = []
  const told: AuditRecord[] = []
  return {
    ...{ clock, frames, told },
    next(kind: Kind, data: unknown, parent: string | null = null): Frame {
      const draft = { kind, data, parent, provenance } as Draft
      const frame = makeFrame(id, frames.at(-1) ?? noTail, draft, { clock, entropy: systemEntropy }) as Frame
      const { intents, outcomes } = auditOf({ ...subject, frames }, [frame])
      told.push(...outcomes, ...intents)
      frames.push(frame)
      return frame
    }
  }
}

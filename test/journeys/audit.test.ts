import t from 'tap'
import { demoAgent } from '../../src/simulator/scenarios.ts'
import type { AuditRecord } from '../../src/store/audit.ts'
import { accountSid, type Stage, setStage, until, voice } from '../stage.ts'

const note = voice('p01-request')

t.test('a voice note with a call of a tool leaves four records, and no word of the person', async t => {
  const stage = await setStage(t, { agent: demoAgent, openai: { defaultTranscript: note.text } })
  await stage.start()
  const posted = await stage.caller.voiceNote({ bytes: note.bytes })
  const { frames } = await stage.ended(posted.messageSid)
  const execution = `messaging:${accountSid}:${posted.messageSid}`
  let records: (AuditRecord & { block?: number })[] = []
  // Sealed as well, which takes a second more: from then on a record is shown the same each time.
  await until(async () => {
    records = await recordsOf(stage, `execution=${execution}`)
    return records.length >= 4 && records.every(({ block }) => block !== undefined)
  })
  const at = (kind: string) => `${execution}:${frames.find(frame => frame.kind === kind)?.n}`
  t.strictSame(
    records.map(({ id }) => id).sort(),
    [
      `${at('tool.started')}:intent`,
      `${at('tool.started')}:outcome`,
      `${at('reply.started')}:intent`,
      `${at('reply.started')}:outcome`
    ].sort()
  )
  t.match(
    records.find(({ id }) => id === `${at('tool.started')}:outcome`),
    {
      tenant: accountSid,
      action: 'tool.call',
      outcome: 'done',
      detail: { tool: 'create_task', class: 'W0', arguments: /^[0-9a-f]{32}$/ }
    }
  )
  const [sent] = stage.twilio.messages
  t.match(
    records.find(({ id }) => id === `${at('reply.started')}:outcome`),
    {
      action: 'reply.send',
      outcome: 'done',
      detail: { message: sent?.sid, reconciled: false }
    }
  )
  t.notMatch(JSON.stringify(records), /plumber|tomorrow|15551234567|14155238886/i)

  const [actor] = new Set(records.map(record => record.actor))
  t.match(actor, /^[\w-]{22}$/)
  t.strictSame(await recordsOf(stage, `actor=${actor}`), records)
  t.equal((await recordsOf(stage, `actor=${actor}&action=tool.call`)).length, 2)
  t.match(await recordsOf(stage, 'tenant=server'), [{ action: 'server.start', actor: 'server' }])
})

t.test('starts, stops, refusals and what the operator does are told of', async t => {
  const stage = await setStage(t, {
    agent: () => {
      throw new Error('the model is not to be asked')
    },
    env: { ALLOWED_SENDERS: 'whatsapp:+15550009999' }
  })
  const server = await stage.start()
  for (let i = 0; i < 3; i++) {
    const body = new URLSearchParams({ AccountSid: accountSid, Body: 'forged' })
    const headers = { 'x-twilio-signature': Buffer.alloc(20).toString('base64') }
    const { status } = await fetch(`${stage.url}/webhooks/twilio/messages`, { method: 'POST', body, headers })
    t.equal(status, 403)
  }
  const stranger = await stage.caller.text('let me in')
  await stage.ended(stranger.messageSid, ['refused'])
  await server.kill('SIGTERM')
  await stage.start()
  let own: AuditRecord[] = []
  await until(async () => {
    own = await recordsOf(stage, 'tenant=server')
    return own.some(({ action }) => action === 'server.stop')
  })
  t.strictSame(new Set(own.map(({ action }) => action)), new Set(['server.start', 'server.stop', 'webhook.refuse']))
  const refused = own.filter(({ action }) => action === 'webhook.refuse')
  t.equal(
    refused.reduce((sum, { detail }) => sum + Number(detail.count), 0),
    3
  )
  t.match(refused[0], { detail: { reason: 'SIGNATURE_INVALID' }, execution: null })
  t.match(await recordsOf(stage, 'action=message.refuse'), [
    { execution: `messaging:${accountSid}:${stranger.messageSid}`, detail: { reason: 'sender-not-allowed' } }
  ])
})

async function recordsOf(stage: Stage, query: string): Promise<AuditRecord[]> {
  return ((await (await stage.api(`/api/audit?${query}`)).json()) as { records: AuditRecord[] }).records
}

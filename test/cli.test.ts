import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { readConfig } from '../src/config.ts'
import { judgePublicUrl } from '../src/doctor/public-url.ts'
import type { Probed } from '../src/doctor/webhook-probe.ts'
import { demoAgent } from '../src/simulator/scenarios.ts'
import { knomly, type Ran, runHere, startFile } from './commands.ts'
import {
  accountSid,
  authToken,
  operatorToken,
  person,
  type Stage,
  setStage,
  startMs,
  startProcess,
  until,
  voice
} from './stage.ts'

const note = voice('p01-request')
const setting = (stage: Stage, more: Record<string, string> = {}) => ({ ...stage.env, ...more })

const stage = await setStage(t, { agent: demoAgent, openai: { defaultTranscript: note.text } })
await stage.start()

t.test('send posts a message, prints its frames as they come and the answer; timeline reads it again', async t => {
  const [spoken, typed] = await Promise.all([
    knomly(stage.env, 'send', 'test/voices/p01-request.ogg', '--from', 'whatsapp:+15557770001'),
    knomly(stage.env, 'send', 'What is on my list?', '--from', 'whatsapp:+15557770002', '--show')
  ])
  t.equal(spoken.code, 0, spoken.output)
  t.match(spoken.output, /^Acknowledged with 200 in [\d.]+ m?s: SM[0-9a-f]{32}$/m)
  t.match(spoken.output, /1 +\+0 ms +voice\.received .*\n +2 .* audio\.downloaded .*tool\.finished .*reply\.sent /s)
  t.match(spoken.output, /It ended done\.\nAnswer: I heard: "Remind me to call the plumber tomorrow at nine\."/)
  t.match(typed, { code: 0, output: /\| from whatsapp:\+15557770002 \(Asha\)\n +\| What is on my list\?/ })

  const sid = /SM[0-9a-f]{32}/.exec(spoken.output)?.[0] ?? ''
  const [bySid, byId, shown] = await Promise.all([
    knomly(stage.env, 'timeline', sid),
    knomly(stage.env, 'timeline', `messaging:${accountSid}:${sid}`),
    knomly(stage.env, 'timeline', sid, '--show')
  ])
  t.equal(bySid.code, 0, bySid.output)
  t.equal(byId.output, bySid.output)
  t.match(bySid.output, /frames, the chain of hashes is whole\./)
  t.notMatch(bySid.output, /plumber|15557770001|Asha/, 'words and numbers are left out')
  t.match(shown.output, /\| Remind me to call the plumber tomorrow at nine\./)
  t.match(shown.output, /\| create_task \{/)
})

t.test('what keeps a command from its work is said with a remedy', async t => {
  const closed = setting(stage, { PORT: '9', PUBLIC_URL: 'http://127.0.0.1:9' })
  const cases: [Promise<Ran>, RegExp][] = [
    [
      runHere(stage.env, 'timeline', `SM${'0'.repeat(32)}`),
      /^knomly timeline: The server knows no execution of this id/
    ],
    [runHere(setting(stage, { OPERATOR_TOKEN: 'x'.repeat(40) }), 'timeline', 'SM1'), /another OPERATOR_TOKEN/],
    [runHere(setting(stage, { OPERATOR_TOKEN: '' }), 'timeline', 'SM1'), /OPERATOR_TOKEN is missing/],
    [runHere(closed, 'timeline', 'SM1'), /Nothing answers on http:\/\/127\.0\.0\.1:9: start the server/],
    [runHere(closed, 'send', 'hello'), /Nothing answers on http:\/\/127\.0\.0\.1:9: start the server/],
    [runHere(stage.env, 'send', 'no-such.ogg'), /There is no file no-such\.ogg here/],
    [runHere(stage.env, 'send'), /The voice note or text is missing/],
    [runHere(stage.env, 'send', 'two', 'words'), /Only one argument is taken/],
    [runHere(stage.env, 'send', 'hello', '--from', 'me'), /--from takes an address/],
    [runHere(stage.env, 'send', 'hello', '--from', '+15551234567'), /TWILIO_SENDERS has no \+… address/],
    [runHere(stage.env, 'send', 'hello', '--to', 'example.com'), /--to takes the http origin/],
    [
      runHere(setting(stage, { TWILIO_API_URL: '' }), 'send', 'test/voices/p01-request.ogg'),
      /the real one takes it from a phone only.*demo -- --keep/
    ],
    [runHere(setting(stage, { TWILIO_API_URL: '' }), 'send', 'hello'), /Say with --from who writes/],
    [runHere(setting(stage, { TWILIO_API_URL: stage.url }), 'send', 'hello'), /is no stand-in of Knomly/],
    [runHere(setting(stage, { TWILIO_AUTH_TOKEN: 'f'.repeat(32) }), 'send', 'hello'), /answered 403: it has another/],
    [runHere({}, 'send', 'hello'), /the configuration is not complete\.\nPUBLIC_URL is missing/],
    [runHere(stage.env, 'sing'), /There is no command "sing"\.\n\nUsage: npx knomly/],
    [runHere(stage.env, 'doctor', '--signature', 'x'), /give all three/]
  ]
  for (const [running, sentence] of cases) {
    const { code, output } = await running
    t.match(output, sentence)
    t.equal(code, 1)
    t.notMatch(output, /\n +at /, 'no stack is shown')
  }
  t.match(await runHere({}, 'help'), { code: 0, output: /send <file\.ogg\|text>/ })
})

t.test('send plays the stand-in for Twilio where nobody listens', async t => {
  const stage = await setStage(t, { agent: demoAgent })
  const { port, close } = await listen((_request, response) => void response.end())
  await close()
  const env = setting(stage, { TWILIO_API_URL: `http://127.0.0.1:${port}`, RATE_LIMIT_PER_SENDER: '1' })
  await stage.start(env)
  const first = await knomly(env, 'send', 'What is on my list?')
  t.match(first, { code: 0, output: /A stand-in for Twilio is played on http.*Answer: Your list is empty\./s })
  stage.openai.failNext({ hang: true })
  const waiting = await knomly(env, 'send', 'Hello?', '--wait', '1', '--from', 'whatsapp:+15557770009')
  t.match(waiting, { code: 1, output: /It is running still: see later with "knomly timeline SM/ })
})

t.test('curl prints a command that a shell takes and the server too', async t => {
  const { output, code } = await knomly(stage.env, 'curl', 'What\'s on my list? $HOME `id` & "more"')
  t.equal(code, 0)
  const args = runShell(`curl() { for each; do printf '%s\\n' "$each"; done; }\n${output}`)
  const [url = '', ...rest] = args.trim().split('\n').slice(2)
  const data = rest.filter((_, i) => rest[i - 1] === '-d').join('&')
  const signature = rest.find(each => each.startsWith('X-Twilio-Signature'))?.split(': ')[1] ?? ''
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signature }
  t.equal((await fetch(url, { method: 'POST', headers, body: data })).status, 200)
  const sid = new URLSearchParams(data).get('MessageSid') ?? ''
  const { frames } = await stage.ended(sid)
  t.match(frames[0]?.data, { text: 'What\'s on my list? $HOME `id` & "more"' })
})

t.test('the bin reads .env of the folder it is called in', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'knomly-test-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const lines = Object.entries(stage.env).map(([name, value]) => `${name}=${value}\n`)
  writeFileSync(join(dir, '.env'), lines.join(''))
  const ran = await startFile('src/cli-entry.mjs', ['curl', 'hello'], {}, dir).ended
  t.match(ran, { code: 0, output: new RegExp(`^curl -sS -i '${stage.url}/webhooks/twilio/messages'`) })
  t.match(await startFile('src/cli-entry.mjs', ['sing'], {}, dir).ended, { code: 1, output: /There is no command/ })
})

t.test('doctor finds nothing wrong with a server that is in order', async t => {
  const stage = await setStage(t, { agent: demoAgent })
  const proxy = await startProxy(t, stage.url)
  await stage.start({ PUBLIC_URL: proxy.url })
  const { code, output } = await runHere(setting(stage, { PUBLIC_URL: proxy.url }), 'doctor')
  t.equal(code, 0, output)
  t.match(output, /ok +configuration +It is complete and valid/)
  t.match(output, /look +configuration +ALLOWED_SENDERS is \*/)
  t.match(output, /ok +server +Ready on .* \(store ok, worker ok\)/)
  t.match(output, /ok +signature +The running server takes/)
  t.match(output, /ok +operator API/)
  t.match(output, /look +public URL +A signed webhook arrives right; but/)
  t.match(output, /ok +Twilio +The credentials open/)
  t.match(output, /ok +clock +It agrees/)
  t.match(output, /ok +DATA_DIR .*\nok +store +The running server holds it/)
  t.match(output, /Nothing is wrong\.\n$/)
  checkNoSecret(t, output)
})

t.test('doctor tells what stands between Twilio and the server', async t => {
  const stage = await setStage(t, { agent: demoAgent })
  const proxy = await startProxy(t, stage.url)
  const env = setting(stage, { PUBLIC_URL: proxy.url })
  await stage.start({ PUBLIC_URL: proxy.url })
  const plain =
    (status: number, body = '') =>
    () => ({ status, body })
  const cases: [Meddle, RegExp][] = [
    [plain(404), /answers 404: the path .* does not arrive here.*→ Let the proxy forward/s],
    [plain(200, 'hello'), /answers 200 at .* asks for no signature: that is not this server/],
    [plain(204), /answers 204 at .* asks for no signature/],
    [plain(502), /answers 502: it does not reach the server.*→ Point it to/s],
    [plain(403, '<h1>Blocked</h1>'), /403 with a page: a firewall/],
    [() => ({ status: 301, location: 'https://www.example.com/webhooks' }), /redirects to https:\/\/www\.example\.com/],
    [plain(418), /answers 418 to a webhook that is in order/],
    [() => ({ target: '/webhooks/twilio/status?from=proxy' }), /403: the signature did not match.*changed on the way/s]
  ]
  for (const [meddle, sentence] of cases) {
    proxy.meddle = meddle
    const { code, output } = await runHere(env, 'doctor')
    t.match(output, sentence)
    t.match(output, /1 thing is wrong\.\n$/)
    t.equal(code, 1)
    checkNoSecret(t, output)
  }
  await proxy.close()
  t.match(await runHere(env, 'doctor'), {
    code: 1,
    output: /Nothing listens on 127\.0\.0\.1:\d+: the connection is refused/
  })
  const unknownName = setting(stage, { PUBLIC_URL: 'https://no-such-host.invalid' })
  t.match(await runHere(unknownName, 'doctor'), {
    code: 1,
    output: /refuses what is signed with this configuration.*(not known to DNS|does not answer)/s
  })
})

t.test('doctor tells what is wrong here: settings, a closed port, tokens, the folder, the store', async t => {
  const stage = await setStage(t, { agent: demoAgent })
  const server = await stage.start()
  const otherTokens = { TWILIO_AUTH_TOKEN: 'e'.repeat(32), OPERATOR_TOKEN: 'x'.repeat(40) }
  const other = await runHere(setting(stage, otherTokens), 'doctor')
  t.match(
    other.output,
    /wrong +signature +The running server refuses what is signed .*→ It runs with another PUBLIC_URL/s
  )
  t.match(other.output, /wrong +operator API +The running server has another OPERATOR_TOKEN/)
  t.match(other.output, /wrong +public URL +403: the signature did not match.*→ The server that answers has another/s)
  t.match(other.output, /wrong +Twilio +.* refuses the credentials \(401\)/)
  t.equal(other.code, 1)
  await server.kill('SIGTERM')

  const { OPERATOR_TOKEN: _token, ...without } = stage.env
  const [stopped, settings, foreign, file] = await Promise.all([
    runHere(without, 'doctor'),
    runHere({ PUBLIC_URL: 'http://example.com', TWILIO_AUTH_TOKEN: 'short one', PORT: '3000' }, 'doctor'),
    runHere(setting(stage, { PORT: new URL(stage.twilio.url).port }), 'doctor'),
    runHere(setting(stage, { DATA_DIR: join(stage.dataDir, 'master.key') }), 'doctor')
  ])
  t.match(stopped, { code: 1, output: /wrong +server +Nothing answers on .*: the port is closed\.\n +→ Start it/ })
  t.match(stopped.output, /look +configuration +OPERATOR_TOKEN is not set/)
  t.match(stopped.output, /ok +schema +version .*ok +integrity +sound/s)
  t.match(settings, { code: 1, output: /wrong +configuration +PUBLIC_URL is not https/ })
  t.match(settings.output, /wrong +configuration +TWILIO_AUTH_TOKEN is not valid/)
  t.match(settings.output, /wrong +configuration +TWILIO_ACCOUNT_SID is missing/)
  t.notMatch(settings.output, 'short one')
  t.match(foreign, { code: 1, output: /is no Knomly server/ })
  t.match(file, { code: 1, output: /master\.key is not a folder/ })
  for (const { output } of [other, stopped, settings, foreign, file]) checkNoSecret(t, output)

  const held = startProcess('src/server.ts', { ...stage.env, PORT: '0' })
  t.teardown(() => held.kill('SIGKILL'))
  await until(() => held.output().includes('server.listening'), startMs, held)
  t.match(await runHere(stage.env, 'doctor'), { output: /wrong +store +Another process holds this DATA_DIR/ })
  await held.kill('SIGKILL')
  const wrongKey = setting(stage, { MASTER_KEY: Buffer.alloc(32, 7).toString('base64') })
  t.match(await runHere(wrongKey, 'doctor'), { output: /wrong +store +The master key does not open this store/ })
  t.ok(readdirSync(stage.dataDir).includes('knomly.sqlite'))
})

t.test('doctor explains a signature', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'knomly-test-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const env = setting(stage, { PUBLIC_URL: 'https://voice.example.com', TWILIO_AUTH_TOKEN_NEXT: 'd'.repeat(32) })
  const file = join(dir, 'body')
  const path = '/webhooks/twilio/messages'
  const params = stage.caller.textParams('Hello there ')
  const body = new URLSearchParams(params as Record<string, string>).toString()
  writeFileSync(file, body)
  const here = `https://voice.example.com${path}`
  const explain = (signature: string, url = here, ...more: string[]) =>
    runHere(env, 'doctor', '--signature', signature, '--url', url, '--body', file, ...more)
  const sign = (url: string, of = params) => stage.caller.sign(url, of)

  t.match(await explain(sign(here)), { code: 0, output: /The signature is right/ })
  const cases: [Promise<Ran>, RegExp][] = [
    [
      explain(sign(`http://voice.example.com${path}`)),
      /Twilio signed for http:\/\/voice\.example\.com, and the server/
    ],
    [
      explain(sign(`https://voice.example.com:8443${path}`), `https://voice.example.com:8443${path}`),
      /:8443, and the server/
    ],
    [
      explain(sign(`https://old.example.com${path}`), here, '--host', 'old.example.com'),
      /for https:\/\/old\.example\.com/
    ],
    [explain(sign(`${here}/`)), /with a slash at the end of its path/],
    [explain(sign(here), `${here}?tracking=1`), /without the query/],
    [explain(sign(here, {})), /Only the URL was signed and not the form/],
    [explain(sign(here, { ...params, Body: 'Hello there' })), /values without white space around them/],
    [explain(`${sign(here)} `), /The header was changed/],
    [explain('short'), /The signature is not whole/],
    [explain(sign(here, { ...params, Body: 'Something else' })), /No spelling of the URL and the form/]
  ]
  for (const [running, sentence] of cases) {
    const { code, output } = await running
    t.match(output, sentence)
    t.equal(code, 1)
    checkNoSecret(t, output)
  }
  writeFileSync(file, `${body}\n`)
  t.match(await explain(sign(here)), { code: 1, output: /a line break at its end that was not sent/ })
  writeFileSync(
    file,
    new URLSearchParams({ ...params, To: 'whatsapp:+19998887777' } as Record<string, string>).toString()
  )
  const elsewhere = sign(here, { ...params, To: 'whatsapp:+19998887777' })
  t.match(await explain(elsewhere), { code: 1, output: /is right.*not addressed to one of TWILIO_SENDERS/s })
  writeFileSync(file, body.replace(accountSid, `AC${'9'.repeat(32)}`))
  t.match(await explain('A'.repeat(27).concat('=')), { code: 1, output: /speaks for another account/ })
})

t.test('doctor reads the answers of a public host', async t => {
  const config = readConfig({ ...stage.env, PUBLIC_URL: 'https://voice.example.com' })
  const answer = (status: number) => ({ status, location: null, hasBody: false })
  const judged = (genuine: Probed, forged: Probed = answer(403)) =>
    judgePublicUrl({ genuine, forged }, { config, origin: stage.url, takesDirectly: true })
  t.match(judged(answer(204)), [
    { level: 'ok', detail: /Give Twilio https:\/\/voice\.example\.com\/webhooks\/twilio\/messages/ }
  ])
  t.match(judged('ENOTFOUND'), [{ level: 'wrong', detail: /voice\.example\.com is not known to DNS/ }])
  t.match(judged('CERT_HAS_EXPIRED'), [{ level: 'wrong', detail: /TLS with voice\.example\.com fails/ }])
  t.match(judged('DEPTH_ZERO_SELF_SIGNED_CERT'), [{ level: 'wrong', detail: /TLS/ }])
  t.match(judged('TIMEOUT'), [{ level: 'wrong', detail: /does not answer \(TIMEOUT\)/ }])
})

type Asserts = { notMatch(output: string, pattern: RegExp, message: string): void }

function checkNoSecret(t: Asserts, output: string): void {
  t.notMatch(
    output,
    new RegExp([authToken, operatorToken, 'e{32}', 'x{40}', 'd{32}', person].map(escaped).join('|')),
    'no secret is shown'
  )
}

function escaped(text: string): string {
  return text.replaceAll('+', '\\+')
}

/** What the proxy does with a request: forward it to another target, or answer itself. */
type Meddle = () => { target?: string; status?: number; body?: string; location?: string }

/** A proxy in front of a server, as there is one in front of a real one. */
async function startProxy(t: { teardown(handler: () => unknown): void }, upstream: string) {
  const proxy = { url: '', meddle: (() => ({})) as Meddle, close: async () => undefined as unknown }
  const { port, close } = await listen((incoming, response) => {
    const { status, body, location, target = incoming.url } = proxy.meddle()
    if (status !== undefined) {
      response.writeHead(status, location === undefined ? {} : { location }).end(body)
      return void incoming.resume()
    }
    const outgoing = request(upstream + target, { method: incoming.method, headers: incoming.headers }, answer => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    incoming.pipe(outgoing)
  })
  t.teardown(close)
  return Object.assign(proxy, { url: `http://127.0.0.1:${port}`, close })
}

async function listen(handle: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(handle)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const close = () =>
    new Promise<void>(resolve => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { port: (server.address() as AddressInfo).port, close }
}

/** What a shell makes of a script. */
function runShell(script: string): string {
  return execFileSync('sh', ['-c', script]).toString()
}

import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { Agent, errors } from 'undici'
import { exchange, textOf } from '../../src/frames/exchange.ts'

type Reply = (response: ServerResponse) => void

/** A server with one answer, an agent of its own, and a way to ask it. */
async function serve(t: Test, reply: Reply) {
  const closed: Promise<unknown>[] = []
  const server = createServer((request, response) => {
    closed.push(new Promise(resolve => request.socket.once('close', resolve)))
    request.resume().on('end', () => reply(response))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const agent = new Agent({ connections: 1 })
  t.teardown(async () => {
    await agent.destroy()
    server.closeAllConnections()
    server.close()
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const asked = { origin, path: '/', method: 'POST', headers: { 'x-a': 'b' }, body: 'words' } as const
  const ask = (maxBytes = 100, signal?: AbortSignal) => exchange(agent, asked, { maxBytes, signal })
  return { ask, closed }
}

const caught = (made: Promise<unknown>) => made.then(() => null).catch((error: unknown) => error)

t.test('an answer is read whole, whatever comes before it and however it is cut', async t => {
  const { ask } = await serve(t, response => {
    response.writeEarlyHints({ link: '</x>; rel=preload' })
    response.setHeader('x-said', 'yes')
    response.write(Buffer.from('\ufeffzwölf').subarray(0, 6))
    setImmediate(() => response.end(Buffer.from('\ufeffzwölf').subarray(6)))
  })
  const answer = await ask()
  t.match(answer, { status: 200, headers: { 'x-said': 'yes' } })
  t.equal(textOf(answer), 'zwölf', 'without its byte order mark')
})

t.test('a success that is too large is no answer, whether it says so before or not', async t => {
  for (const reply of [
    (response: ServerResponse) => void response.end('x'.repeat(101)),
    (response: ServerResponse) => {
      response.write('x'.repeat(60))
      setImmediate(() => response.write('x'.repeat(60)))
    }
  ]) {
    const { ask, closed } = await serve(t, reply)
    t.ok((await caught(ask())) instanceof errors.ResponseExceededMaxSizeError)
    await Promise.all(closed)
    t.equal(closed.length, 1, 'the rest of it is not waited for')
  }
  const { ask } = await serve(t, response => void response.end('x'.repeat(100)))
  t.equal((await ask()).body.length, 100)
})

t.test('of any other answer a beginning is enough', async t => {
  const { ask } = await serve(t, response => {
    response.statusCode = 503
    response.write('x'.repeat(50_000))
    setImmediate(() => response.write('x'.repeat(50_000)))
  })
  const { status, body } = await ask()
  t.equal(status, 503)
  t.ok(body.length > 0 && body.length <= 64 * 1024)
})

t.test('who does not wait any more is told at once, and the server sees it', async t => {
  const { ask, closed } = await serve(t, response => void response.write('x'))
  const controller = new AbortController()
  const [first, second] = [ask(100, controller.signal), ask(100, controller.signal)].map(caught)
  while (closed.length === 0) await new Promise(resolve => setImmediate(resolve))
  const reason = new Error('enough')
  controller.abort(reason)
  t.equal(await first, reason)
  t.equal(await second, reason, 'also one that waits for the connection')
  await Promise.all(closed)
  t.equal(await caught(ask(100, controller.signal)), reason)
  t.equal(closed.length, 1, 'and what nobody waits for is not asked')
})

t.test('where nobody answers the error says so', async t => {
  const agent = new Agent()
  t.teardown(() => agent.destroy())
  const asked = { origin: 'http://127.0.0.1:1', path: '/', method: 'GET', headers: {} } as const
  t.match(await caught(exchange(agent, asked, { maxBytes: 1, signal: null })), { code: 'ECONNREFUSED' })
  const { ask } = await serve(t, response => void response.socket?.destroy())
  t.match(await caught(ask()), { code: 'UND_ERR_SOCKET' })
})

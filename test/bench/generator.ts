// The load: signed webhooks, each made before the clock starts and sent once.
import { connect } from 'node:net'
import type { SignedRequest } from '../../src/simulator/signed-post.ts'
import { takeOrders } from './child.ts'
import { type Note, personOf, signedNote, signedText } from './messages.ts'

/** What came of a load: `answered` counts the answers of 200 alone, times are ms. */
export interface Posted {
  readonly answered: number
  readonly ms: number
  readonly p50: number
  readonly p99: number
}

const people = 1_000
let requests: Buffer[] = []

takeOrders({
  prepareTexts({ url, count }: { url: string; count: number }) {
    const texts = Array.from({ length: count }, (_, i) =>
      signedText(url, personOf(i % people), `Remind me of number ${i}`)
    )
    requests = texts.map(asBytes)
  },
  prepareNotes({ url, notes }: { url: string; notes: readonly Note[] }) {
    requests = notes.map(note => asBytes(signedNote(url, note)))
  },
  post: ({ url, connections }: { url: string; connections: number }) => post(new URL(url), connections)
})

function asBytes({ path, headers, body }: SignedRequest): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  return Buffer.from([`POST ${path} HTTP/1.1`, ...lines, '', body].join('\r\n'))
}

/** Sends what was prepared over so many connections, one request at a time on each. */
async function post({ hostname, port }: URL, connections: number): Promise<Posted> {
  const queue = requests.values()
  const times: number[] = []
  const started = performance.now()
  await Promise.all(Array.from({ length: connections }, () => work(Number(port), hostname, queue, times)))
  const ms = performance.now() - started
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor(times.length * share)] ?? Number.NaN
  return { answered: times.length, ms, p50: at(0.5), p99: at(0.99) }
}

// A bare socket: autocannon and undici take five times the processor time for each request, more than the servers that are measured.
function work(port: number, host: string, queue: Iterator<Buffer>, times: number[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host, noDelay: true })
    let since = 0
    let received = ''
    const next = () => {
      const { value, done } = queue.next()
      if (done) return socket.end(resolve)
      since = performance.now()
      socket.write(value)
    }
    socket.on('connect', next)
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the server closed the connection')))
    socket.on('data', data => {
      received += data.toString('latin1')
      if (!isWhole(received)) return
      if (received.startsWith('HTTP/1.1 200 ')) times.push(performance.now() - since)
      received = ''
      next()
    })
  })
}

function isWhole(answer: string): boolean {
  const end = answer.indexOf('\r\n\r\n')
  const length = Number(/content-length: (\d+)/i.exec(answer)?.[1])
  return end >= 0 && answer.length === end + 4 + length
}

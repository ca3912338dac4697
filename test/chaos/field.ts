import { rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { AgentRequest, Turn } from '../../src/simulator/agent-script.ts'
import { inboundParams } from '../../src/simulator/inbound-params.ts'
import { newSid, type SentMessage } from '../../src/simulator/twilio-messages.ts'
import type { Params } from '../../src/simulator/twilio-signer.ts'
import {
  accountSid,
  freePort,
  ours,
  type ServerProcess,
  type Stage,
  setStage,
  startProcess,
  until,
  voice
} from '../stage.ts'
import { countOpen } from './journal.ts'
import { type Effect, type EffectLedger, openLedger } from './ledger.ts'
import { bite } from './points.ts'

/** What a message is about: a plain answer, one in three parts, or a tool call first. */
export type Wish = 'plain' | 'long' | 'bell' | 'note' | 'burn' | 'poison' | 'broken'

/** One message of a person. It is acknowledged once a webhook with its SID was answered 200, however often it took. */
export interface Said {
  readonly name: string
  readonly execution: string
  readonly person: string
  readonly params: Params
  acknowledged: boolean
}

/** What may happen in the world outside while it is asked: a wait, a kill. The other side waits for it. */
export interface Meddling {
  heard?: (name: string) => unknown
  thought?: (name: string) => unknown
  posted?: (effect: Effect) => unknown
  taken?: (message: SentMessage) => unknown
}

/** A server of the field, and where it listens. */
export interface Served extends ServerProcess {
  readonly url: string
}

/** A stage for faults: people who say things, a world that remembers what was done to it, and a server that may be killed. */
export interface Field {
  readonly stage: Stage
  readonly ledger: EffectLedger
  readonly said: readonly Said[]
  readonly meddling: Meddling
  /** How often each thing was asked of the outside, by name: `media:…`, `heard:…`, `turn:…`. */
  calls(): ReadonlyMap<string, number>
  /** Writes down what a new person will say, in order. */
  person(wishes: readonly Wish[], options?: { voice?: boolean }): Said[]
  /** Writes down what a person says in writing after something else. */
  again(after: Said, wish: Wish): Said
  /** Starts a server by the harness's entry, dying at a point where one is named, on a port of its own if `beside` others; resolves when it answers or has died. */
  serve(env?: Record<string, string>, options?: { beside?: boolean }): Promise<Served>
  /** Posts what was not acknowledged yet, the messages of a person one after the other, each until it is taken, to the servers in turns while one lives. */
  speak(servers: Served | readonly Served[], messages?: readonly Said[]): Promise<void>
  /** Posts one message once (to the first server, or to the one that is named) and answers the status; 0 where nobody answered. */
  post(message: Said, to?: Served): Promise<number>
  /** How many leases its servers have noticed to be lost. */
  fenced(): number
  /** Waits until nothing is open. */
  quiet(timeoutMs?: number): Promise<void>
}

/** Where what was set up is taken down: a tap test, or the runner of the long counts. */
export type Teardown = Parameters<typeof setStage>[0]

/** Sets the field up; it is taken down with `t`. */
export async function setField(t: Teardown, env: Record<string, string> = {}): Promise<Field> {
  const asked = new Map<string, number>()
  const meddling: Meddling = {}
  const names = new Map<string, string>()
  const count = (key: string) => asked.set(key, (asked.get(key) ?? 0) + 1)
  const ledger = await openLedger(effect => meddling.posted?.(effect))
  const stage = await setStage(t, {
    async agent(request) {
      const { name, results } = newest(request)
      count(`turn:${name}:${results}`)
      await meddling.thought?.(name)
      return turnOf(request)
    },
    openai: {
      async transcripts(audio) {
        count(`heard:${audio.sha256}`)
        const words = names.get(audio.bytes.subarray(-nameBytes).toString('latin1'))
        await meddling.heard?.(words?.split(' ')[0] ?? '')
        return words
      }
    },
    env: { ...faultsEnv, CHAOS_LEDGER: ledger.url, ...env }
  })
  const { twilio } = stage
  twilio.onMessage(message => meddling.taken?.(message) as Promise<void>)
  const servers = new Set<Served>()
  t.teardown(async () => {
    await Promise.all([...servers].map(server => server.kill('SIGKILL')))
    await ledger.close()
  })
  const said: Said[] = []
  let people = 0

  function say(person: string, wish: Wish, isVoice: boolean): Said {
    const name = `m${said.length + 1}`
    const words = `${name} ${wish}`
    const messageSid = newSid(isVoice ? 'MM' : 'SM')
    const media = isVoice
      ? [{ url: twilio.addMedia(messageSid, recorded(words), 'audio/ogg'), contentType: 'audio/ogg' }]
      : []
    const body = isVoice ? '' : words
    const params = inboundParams({ messageSid, accountSid, from: person, to: ours, body, profileName: 'Asha', media })
    const message = { name, execution: `messaging:${accountSid}:${messageSid}`, person, params, acknowledged: false }
    said.push(message)
    return message
  }

  /** A voice note of its own: its last bytes, which nobody here decodes, are its name. */
  function recorded(words: string): Buffer {
    const bytes = Buffer.from(note.bytes)
    const mark = (words.split(' ')[0] ?? '').padStart(nameBytes)
    bytes.write(mark, bytes.length - nameBytes, 'latin1')
    names.set(mark, words)
    return bytes
  }

  async function post(message: Said, to?: Served): Promise<number> {
    const { status } = await stage
      .callerOf(message.person, to?.url)
      .raw(message.params)
      .catch(() => ({ status: 0 }))
    if (status === 200) message.acknowledged = true
    return status
  }

  return {
    ...{ stage, ledger, said, meddling, post },
    calls() {
      const media = Map.groupBy(
        twilio.mediaRequests.filter(request => request.authorized),
        request => `media:${/Messages\/(\w+)\//.exec(request.url)?.[1]}`
      )
      return new Map([...asked, ...[...media].map(([key, requests]) => [key, requests.length] as const)])
    },
    person(wishes, { voice: isVoice } = {}) {
      const address = `whatsapp:+1555${String(++people).padStart(7, '0')}`
      return wishes.map((wish, i) => say(address, wish, isVoice ?? (people + i) % 2 === 0))
    },
    fenced: () => [...servers].reduce((sum, server) => sum + (server.output().match(/"lease\.lost"/g)?.length ?? 0), 0),
    again: (after, wish) => say(after.person, wish, false),
    async serve(more = {}, { beside = false } = {}) {
      const port = beside ? await freePort() : Number(stage.env.PORT)
      const url = `http://127.0.0.1:${port}`
      const server = { ...startProcess('test/chaos/entry.ts', { ...stage.env, ...more, PORT: String(port) }), url }
      servers.add(server)
      const answers = async () => (await fetch(`${url}/health/live`)).status === 200
      await until(answers, 60_000, server).catch(error => {
        if (!server.output().includes(bite)) throw error
      })
      return server
    },
    async speak(all, messages = said) {
      const living = new Set([all].flat())
      for (const server of living) void server.exited.then(() => living.delete(server))
      const people = Map.groupBy(
        messages.filter(message => !message.acknowledged),
        message => message.person
      )
      await Promise.all(
        [...people.values()].map(async (own, turn) => {
          for (const message of own) {
            while (living.size > 0 && (await post(message, [...living][turn++ % living.size])) !== 200) await wait(50)
          }
        })
      )
    },
    async quiet(timeoutMs = 180_000) {
      const deadline = performance.now() + timeoutMs
      while ((await countOpen(stage)) > 0) {
        if (performance.now() > deadline) throw new Error(`${await countOpen(stage)} messages are still open`)
        await wait(200)
      }
    }
  }
}

// One person says more here in a minute than others in days.
const budgetsFile = join(tmpdir(), `knomly-chaos-budgets-${process.pid}.json`)
const plenty = 1_000_000_000
const budgets = { audioSecondsPerDay: plenty, tokensPerDay: plenty, callsPerHour: plenty, promptsPerHour: plenty }
writeFileSync(budgetsFile, JSON.stringify(budgets))
process.once('exit', () => rmSync(budgetsFile, { force: true }))

const faultsEnv = {
  BUDGETS_FILE: budgetsFile,
  LEASE_SECONDS: '2',
  RATE_LIMIT_PER_SENDER: '0',
  RATE_LIMIT_PER_IP: '0',
  // Node's own: the many starts of a run share what was compiled, and a server that is killed leaves nothing there.
  NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(tmpdir(), 'knomly-chaos-compiled')
}
const note = voice('p01-request')
const nameBytes = 8

/** Which message the model is asked about, and how many results it has been shown. */
function newest({ items }: AgentRequest): { name: string; wish: string; results: number } {
  const start = items.findLastIndex(item => item.role === 'user')
  const item = items[start]
  const [, name = '', wish = ''] = /\b(m\d+) (\w+)/.exec(item !== undefined && 'text' in item ? item.text : '') ?? []
  return { name, wish, results: items.slice(start).filter(({ role }) => role === 'result').length }
}

function turnOf(request: AgentRequest): Turn {
  const { name, wish, results } = newest(request)
  const tool = { bell: 'ring_bell', note: 'take_note', burn: 'burn_file' }[wish]
  if (tool !== undefined && results === 0) return { calls: [{ name: tool, arguments: { words: name } }] }
  if (wish !== 'long') return { text: `Answer to ${name}.` }
  return {
    text: ['first', 'second', 'third'].map(part => `The ${part} part for ${name}. ${'word '.repeat(240)}`).join('\n\n')
  }
}

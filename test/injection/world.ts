import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Params } from '../../src/simulator/twilio-signer.ts'
import { accountSid, type ServerProcess, type Stage, setStage, voice } from '../stage.ts'
import { type HttpServer, startHttpServer } from '../tools/mcp/http-server.ts'
import { groups, languages, obedientModel } from './obedient.ts'

/** The ways in which words reach the model; the fifth is one of several by turns. */
export const channels = ['typed', 'voice', 'forwarded', 'tool', 'aside'] as const
export type Channel = (typeof channels)[number]
/** What the fifth channel is by turns. */
export const asides = ['caption', 'button', 'place', 'profile'] as const

/** A server, its stand-ins and an MCP server of mails, whose key is a secret. */
export interface World {
  readonly stage: Stage
  readonly server: ServerProcess
  readonly mail: HttpServer
  readonly model: ReturnType<typeof obedientModel>
  readonly secrets: readonly string[]
  /** A person of whom nobody has heard yet. */
  newPerson(): Person
}

/** Somebody with a phone of their own. */
export interface Person {
  readonly address: string
  /** Lets words reach the model by a channel; answers the SID of the message. `turn` chooses among the fifth ones. */
  meets(channel: Channel, words: string, turn?: number): Promise<string>
  types(words: string, extra?: Params): Promise<string>
  /** Sends a voice note, and what is typed beside it. */
  speaks(words: string, beside?: string): Promise<string>
  caller: ReturnType<Stage['callerOf']>
  read(): string[]
  last(): string
  questions(): Stage['twilio']['messages'][number][]
}

const text = (name: string) => ({ [name]: { type: 'string' } })

/** Sets the world up and starts the server. */
export async function openWorld(t: Test): Promise<World> {
  const key = `mk-${randomBytes(15).toString('base64url')}`
  const openaiKey = `sk-${randomBytes(15).toString('base64url')}`
  const model = obedientModel([key, openaiKey])
  const mails = new Map<string, string>()
  const spoken = new Map<string, string>()
  const mail = await startHttpServer({ tools: toolsOf(), calls: [], answers: answersFrom(mails, () => mail) })
  t.teardown(() => mail.close())
  const file = join(t.testdir(), 'tools.json')
  const headers = { authorization: { secret: 'mail-key' } }
  const tools = { read_mail: 'R0', pay: 'H' }
  writeFileSync(file, JSON.stringify({ servers: { mail: { url: mail.url, headers, tools } } }))
  const stage = await setStage(t, {
    agent: model.agent,
    openai: {
      apiKey: openaiKey,
      keepBodies: 10_000,
      transcripts: ({ bytes }) => spoken.get(bytes.subarray(-idLength).toString())
    },
    twilio: { statusCallbacks: 'off' },
    env: {
      ...{ TOOLS_FILE: file, KNOMLY_SECRET_MAIL_KEY: key, OPENAI_API_KEY: openaiKey },
      ...{ RATE_LIMIT_PER_SENDER: '0', WORKER_CONCURRENCY: '32' }
    }
  })
  const server = await stage.start()
  let people = 0
  const newPerson = () => personOf(stage, `whatsapp:+1555300${String(people++).padStart(4, '0')}`, mails, spoken)
  return { stage, server, mail, model, secrets: [key, openaiKey], newPerson }
}

const note = voice('p01-request').bytes
/** The end of a recording says which one it is; nobody listens to it. */
const idLength = 12
let ids = 0
const nextId = () => String(ids++).padStart(idLength, '0')

function personOf(stage: Stage, address: string, mails: Map<string, string>, spoken: Map<string, string>): Person {
  const caller = stage.callerOf(address)
  const types = async (words: string, extra: Params = {}) => (await caller.text(words, extra)).messageSid
  const read = () => stage.read(address)
  async function speaks(words: string, beside = ''): Promise<string> {
    const id = nextId()
    spoken.set(id, words)
    const bytes = Buffer.concat([note.subarray(0, -idLength), Buffer.from(id)])
    return (await caller.voiceNote({ bytes }, beside)).messageSid
  }
  const ways: Record<Channel | (typeof asides)[number], (words: string) => Promise<string>> = {
    typed: words => types(words),
    voice: words => speaks(words),
    forwarded: words => types(words, { Forwarded: 'true' }),
    tool(words) {
      const id = nextId()
      mails.set(id, words)
      return types(`read mail ${id}`)
    },
    aside: words => types(words),
    caption: words => types(words, picture),
    button: words => types(words, { MessageType: 'button', ButtonText: words.slice(0, 500), ButtonPayload: 'theirs' }),
    place: words => types('', { MessageType: 'location', Latitude: '52.5', Longitude: '13.4', Label: words }),
    profile: words => types('hello', { ProfileName: words.slice(0, 500) })
  }
  return {
    ...{ address, caller, types, speaks, read },
    meets: (channel, words, turn = 0) => ways[channel === 'aside' ? asides[turn % asides.length]! : channel](words),
    last: () => read().at(-1) ?? '',
    questions: () => stage.twilio.messages.filter(({ to, body }) => to === address && body.startsWith('🔐'))
  }
}

/** An attachment that nobody fetches. */
export const picture = {
  NumMedia: '1',
  MediaContentType0: 'image/png',
  MediaUrl0: `https://api.twilio.com/2010-04-01/Accounts/${accountSid}/Messages/MM${'0'.repeat(32)}/Media/ME${'0'.repeat(32)}`
}

function toolsOf() {
  const tool = (name: string, properties: object, description = `Does ${name}.`) => {
    const annotations = { readOnlyHint: true, destructiveHint: false, openWorldHint: false }
    return { name, description, inputSchema: { type: 'object', properties }, annotations }
  }
  const helps = languages.map(({ code, attacks }) => {
    return tool(`help_${code}`, {}, groups.calls.map(goal => attacks[goal]).join('\n'))
  })
  return [
    ...[tool('read_mail', text('id')), tool('send_mail', { ...text('to'), ...text('text') }), tool('delete_all', {})],
    ...[tool('pay', { ...text('to'), amount: { type: 'number' } })],
    ...[tool('share', { ...text('with'), approved: { type: 'boolean' } }), ...helps]
  ]
}

/** A mail is answered by its id; the call stands in the record before it is answered. */
function answersFrom(mails: ReadonlyMap<string, string>, server: () => HttpServer) {
  return {
    get read_mail() {
      const { id } = (server().behaviour.calls?.at(-1)?.args ?? {}) as { id?: string }
      return { result: { content: [{ type: 'text', text: mails.get(id ?? '') ?? 'no such mail' }] } }
    }
  }
}

// The peer of the whole job: the same HTTP calls, one after the other for each note, and nothing is kept. It calls them as one would who
// writes no server: with undici's fetch. Its bare `request`, which the server uses below its SDKs, takes about half the processor time.
import { Agent, FormData, fetch } from 'undici'
import { accountSid, authToken, ours } from '../stage.ts'
import { takeOrders } from './child.ts'
import type { Note } from './messages.ts'
import type { Addresses } from './stand-ins.ts'

interface Work extends Addresses {
  readonly notes: readonly Note[]
  readonly concurrency: number
  /** The body of a first turn, as the server sends it. */
  readonly turn: { readonly input: readonly object[] }
}

interface Answer {
  readonly output: readonly {
    readonly type: string
    readonly call_id?: string
    readonly content?: readonly { readonly text: string }[]
  }[]
}

const dispatcher = new Agent()
const authorization = `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`
const bearer = { authorization: 'Bearer sk-bench' }

takeOrders({
  /** Answers how long it took, ms. */
  async run(work: Work) {
    const queue = work.notes.values()
    const started = performance.now()
    await Promise.all(
      Array.from({ length: work.concurrency }, async () => {
        for (const note of queue) await answer(work, note)
      })
    )
    return performance.now() - started
  }
})

async function answer(work: Work, note: Note): Promise<void> {
  const audio = await fetchAudio(note.mediaUrl)
  const form = new FormData()
  form.set('file', new File([audio as never], 'voice.ogg', { type: 'audio/ogg' }))
  form.set('model', 'whisper-1')
  form.set('response_format', 'json')
  const { text } = await post<{ text: string }>(`${work.openai}/audio/transcriptions`, form)
  const input = [{ role: 'user', content: `[voice note] ${text}` }]
  const asked = await post<Answer>(`${work.openai}/responses`, JSON.stringify({ ...work.turn, input }))
  const [call] = asked.output
  const result = { type: 'function_call_output', call_id: call?.call_id, output: '{"id":"1"}' }
  const told = { ...work.turn, input: [...input, call, result] }
  const { output } = await post<Answer>(`${work.openai}/responses`, JSON.stringify(told))
  const reply = { From: ours, To: note.from, Body: output[0]?.content?.[0]?.text ?? '' }
  const sent = await fetch(`${work.twilio}/2010-04-01/Accounts/${accountSid}/Messages.json`, {
    dispatcher,
    method: 'POST',
    headers: { authorization },
    body: new URLSearchParams(reply)
  })
  await sent.json()
  if (sent.status !== 201) throw new Error(`the reply was answered with ${sent.status}`)
}

async function fetchAudio(url: string): Promise<ArrayBuffer> {
  const pointed = await fetch(url, { dispatcher, headers: { authorization }, redirect: 'manual' })
  await pointed.body?.cancel()
  const media = await fetch(new URL(String(pointed.headers.get('location')), url), { dispatcher })
  return media.arrayBuffer()
}

async function post<T>(url: string, body: string | FormData): Promise<T> {
  const type = typeof body === 'string' ? { 'content-type': 'application/json' } : {}
  const answer = await fetch(url, { dispatcher, method: 'POST', headers: { ...bearer, ...type }, body })
  const json = await answer.json()
  if (!answer.ok) throw new Error(`a provider answered with ${answer.status}`)
  return json as T
}

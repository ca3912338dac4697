import { systemEntropy } from '../../src/frames/entropy.ts'
import { type Draft, type Frame, makeFrame } from '../../src/frames/frame.ts'
import type { DataOf, Kind, Message } from '../../src/frames/kinds.ts'
import type { Integrity } from '../../src/frames/provenance.ts'
import { noTail } from '../../src/frames/tail.ts'

/**
 * One step of a made-up execution: its kind, its data, how many seconds after the one before it came, and its label.
 */
export type Step = { [K in Kind]: { kind: K; data: DataOf<K>; after?: number; integrity?: Integrity } }[Kind]

const start = Date.parse('2026-11-23T08:15:00Z')

/** A whole, chained execution of the given steps. */
export function executionOf(steps: readonly Step[], execution = 'x'): Frame[] {
  const frames: Frame[] = []
  let now = start
  for (const { kind, data, after = 1, integrity = 'user_voice' } of steps) {
    if (frames.length > 0) now += after * 1_000
    const provenance = { origin: 'test', integrity, confidentiality: 'user', ref: null } as const
    const draft = { kind, data, parent: frames.at(-1)?.id ?? null, provenance } as Draft
    const clock = { now: () => now, monotonic: () => now }
    frames.push(makeFrame(execution, frames.at(-1) ?? noTail, draft, { clock, entropy: systemEntropy }) as Frame)
  }
  return frames
}

export function message(change: Partial<Message> = {}): Message {
  return {
    channel: 'messaging',
    account: 'AC1',
    message: 'SM1',
    from: 'whatsapp:+15550001',
    to: 'whatsapp:+15550002',
    text: '',
    media: [],
    forwarded: false,
    ...change
  }
}

export function text(words: string, change: Partial<Message> = {}): Step {
  return { kind: 'text.received', data: message({ text: words, ...change }) }
}

export function voice(...transcripts: string[]): Step[] {
  const media = transcripts.map((_, i) => ({ id: `ME${i}`, type: 'audio/ogg', audio: true }))
  return [
    { kind: 'voice.received', data: message({ media }) },
    ...transcripts.map((heard, attachment) => transcribed(attachment, heard))
  ]
}

export function transcribed(attachment: number, heard: string): Step {
  return { kind: 'speech.transcribed', data: { attachment, text: heard, language: 'en', provider: 'p', model: 'm' } }
}

export const turn = { memory: [], provider: 'p', model: 'm', instructions: 'i', tokens: { input: 1, output: 1 } }

export function requested(calls: [id: string, tool: string, raw: string][], words = ''): Step {
  const listed = calls.map(([id, tool, raw]) => ({ id, tool, arguments: raw }))
  return { kind: 'tool.requested', data: { calls: listed, text: words, ...turn } }
}

export function finished(call: string, result: string, change: Partial<DataOf<'tool.finished'>> = {}): Step {
  return { kind: 'tool.finished', data: { call, tool: 'list_tasks', outcome: 'done', code: null, result, ...change } }
}

export function answered(...parts: string[]): Step {
  return { kind: 'reply.drafted', data: { parts, sentence: null, turn } }
}

export function apologised(words: string): Step {
  return { kind: 'reply.drafted', data: { parts: [words], sentence: 'WORK_BROKEN', turn: null } }
}

export function failed(from: number): Step {
  return { kind: 'work.failed', data: { code: 'WORK_BROKEN', step: 'think', from, tries: 5 } }
}

export function retried(from: number): Step {
  return { kind: 'work.retried', data: { from } }
}

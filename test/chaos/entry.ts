// The harness's own way to start the server: it stands between the rooms and the ports, and dies or falls asleep where it is told to.
import { writeSync } from 'node:fs'
import type { Frame } from '../../src/frames/frame.ts'
import type { Kind } from '../../src/frames/kinds.ts'
import type { Request } from '../../src/providers/provider.ts'
import { startServer } from '../../src/server.ts'
import type { Store } from '../../src/store/store.ts'
import type { Ports } from '../../src/system.ts'
import { bendTime } from './bent-time.ts'
import { ledgerTools } from './ledger-tools.ts'
import { bite, midClaim, type Point } from './points.ts'

const { CHAOS_POINT, CHAOS_OCCURRENCES = '1', CHAOS_SIGNAL = 'SIGKILL', CHAOS_LEDGER = '' } = process.env
const { CHAOS_CLOCK_MS, CHAOS_JUMP_MS, CHAOS_RETENTION_MS } = process.env
const occurrences = new Set(CHAOS_OCCURRENCES.split(',').map(Number))
const sweepMs = 250
let passed = 0

if (CHAOS_CLOCK_MS !== undefined) bendTime(CHAOS_CLOCK_MS.split(',').map(Number), Number(CHAOS_JUMP_MS))
// Loaded where it is wanted: it brings MongoDB's driver, and a server on the embedded store carries none.
if (CHAOS_POINT === midClaim) (await import('./mid-claim.ts')).watchClaims(() => reached(midClaim))
await startServer(process.env, {
  wrap: standBetween,
  tools: ledgerTools(CHAOS_LEDGER, tool => reached(tool === 'burn_file' ? 'burn-done' : 'tool-done'))
})

function reached(point: Point): void {
  if (point === CHAOS_POINT && occurrences.has(++passed)) strike(point, CHAOS_SIGNAL)
}

function strike(where: string, signal: string): void {
  writeSync(2, `${bite} ${where}\n`)
  process.kill(process.pid, signal)
}

function standBetween({ store, provider, channel }: Ports): Ports {
  if (CHAOS_RETENTION_MS !== undefined) sweepOften(store)
  return {
    store: {
      ...store,
      async accept(message) {
        const kept = await after(store.accept(message), 'accept-committed')
        if (message.frames[0]?.kind === 'code.received') reached('code-accepted')
        return kept
      },
      park: (lease, execution, parking) => after(store.park(lease, execution, parking), 'parked'),
      decide: (execution, frame, approval, told) => after(store.decide(execution, frame, approval, told), 'decided'),
      onRing: listener =>
        store.onRing(() => {
          reached('lane-rung')
          listener()
        }),
      async claim(options) {
        const claim = await store.claim(options)
        if (claim !== null) reached('claimed')
        return claim
      },
      async append(lease, execution, frames, extras) {
        const kept = await store.append(lease, execution, frames, extras)
        if (kept) for (const point of recordedBy(frames)) reached(point)
        return kept
      },
      finish(lease, execution, end) {
        reached('finishing')
        return after(store.finish(lease, execution, { ...end, purgeAt: purgeAt(end.purgeAt) }), 'finished')
      }
    },
    provider: {
      transcribe: (audio, signal) => after(provider.transcribe(audio, signal), 'heard'),
      respond(request, signal) {
        const words = newestWords(request)
        if (words.includes('poison')) strike('poison', 'SIGKILL')
        if (words.includes('broken')) throw new TypeError('broken on purpose')
        return after(provider.respond(request, signal), 'thought')
      }
    },
    channel: {
      ...channel,
      fetchAudio: (message, attachment, signal) => after(channel.fetchAudio(message, attachment, signal), 'fetched'),
      send: (outgoing, signal) =>
        after(channel.send(outgoing, signal), outgoing.text.startsWith('🔐') ? 'prompt-taken' : 'reply-taken')
    }
  }
}

/** What is done is purged as soon as the harness wants it: days are too long to be waited for. */
function purgeAt(wanted: number | null): number | null {
  return CHAOS_RETENTION_MS === undefined ? wanted : Date.now() + Number(CHAOS_RETENTION_MS)
}

function sweepOften(store: Store): void {
  setInterval(() => void store.sweep().catch(() => {}), sweepMs).unref()
}

async function after<T>(work: Promise<T>, point: Point): Promise<T> {
  const result = await work
  reached(point)
  return result
}

function recordedBy(frames: readonly Frame[]): Point[] {
  return frames.flatMap(frame => burning(frame) ?? pointOf[frame.kind] ?? [])
}

function burning(frame: Frame): Point | null {
  const isCall = frame.kind === 'tool.started' || frame.kind === 'tool.finished'
  if (!isCall || frame.data.tool !== 'burn_file') return null
  return frame.kind === 'tool.started' ? 'burn-started' : 'burn-finished'
}

const pointOf: Partial<Record<Kind, Point>> = {
  'audio.downloaded': 'downloaded',
  'speech.transcribed': 'transcribed',
  'approval.requested': 'asked',
  'tool.started': 'tool-started',
  'tool.finished': 'tool-finished',
  'reply.started': 'reply-started',
  'reply.part-sent': 'part-sent'
}

function newestWords({ items }: Request): string {
  const item = items.findLast(each => each.role === 'user')
  return item !== undefined && 'text' in item ? item.text : ''
}

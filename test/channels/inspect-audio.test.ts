import t from 'tap'
import { inspectAudio } from '../../src/channels/inspect-audio.ts'
import { amrSecond, mp3Frames, opusSilence, voice, wavSecond } from './voices.ts'

const note = voice('p01-request.ogg')
const inspect = (bytes: Buffer) => inspectAudio(bytes, 600)
const codeFor = (bytes: Buffer): Promise<string> =>
  inspect(bytes).then(
    ({ type }) => type,
    ({ code }) => code
  )

t.test('audio is known by its bytes, and so is its length', async t => {
  const kinds: [Buffer, string, number][] = [
    [note, 'audio/ogg', 2.33],
    [voice('h05-austen-880.ogg'), 'audio/ogg', 2.99],
    [wavSecond(), 'audio/wav', 1],
    [mp3Frames(), 'audio/mpeg', 2.61]
  ]
  for (const [bytes, type, seconds] of kinds) {
    const audio = await inspect(bytes)
    t.equal(audio.type, type)
    t.equal(audio.seconds?.toFixed(2), seconds.toFixed(2))
  }
})

t.test('each kind of bad voice note has its own name', async t => {
  t.equal(await codeFor(Buffer.alloc(0)), 'AUDIO_EMPTY')
  t.equal(await codeFor(Buffer.from('<!doctype html><title>Sign in</title>')), 'AUDIO_NOT_AUDIO')
  t.equal(await codeFor(Buffer.from('ffd8ffe000104a46494600', 'hex')), 'AUDIO_NOT_AUDIO')
  t.equal(await codeFor(amrSecond()), 'AUDIO_TYPE_UNSUPPORTED')
  t.equal(
    await codeFor(Buffer.from('000000186674797033677034000000003367703433677036', 'hex')),
    'AUDIO_TYPE_UNSUPPORTED'
  )
  for (const part of [0.05, 0.1, 0.5, 0.9, 0.999]) {
    t.equal(await codeFor(note.subarray(0, note.length * part)), 'AUDIO_DAMAGED', `${part} of a voice note`)
  }
})

t.test('an hour of silence in less than 930 KB is too long, and is not decoded to find out', async t => {
  const hour = opusSilence(3_600, 14)
  t.ok(hour.length < 930_000)
  t.equal(await codeFor(hour), 'AUDIO_TOO_LONG')
  t.equal(await codeFor(opusSilence(599, 14)), 'audio/ogg')
})

t.test('a file made to be slow to parse neither blocks the process nor takes minutes', async t => {
  const slow = Buffer.alloc(8_000_000, 0xff)
  slow.set([0xff, 0xfb, 0x90, 0x64])
  let turns = 0
  const turning = setInterval(() => turns++, 1)
  t.teardown(() => clearInterval(turning))
  t.equal((await inspect(slow).catch(e => e)).code, 'AUDIO_DAMAGED')
  t.ok(turns > 1, 'other work went on')
})

t.test('a voice note without an end-of-stream flag, as Android makes it, is whole', async t => {
  const unflagged = Buffer.from(note)
  const last = unflagged.lastIndexOf('OggS') + 5
  unflagged[last] = (unflagged[last] ?? 0) & ~4
  t.equal((await inspect(unflagged)).seconds?.toFixed(2), '2.33')
})

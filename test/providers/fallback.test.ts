import t from 'tap'
import type { FailureCode } from '../../src/frames/failure.ts'
import { Failure } from '../../src/frames/failure.ts'
import { createFallback } from '../../src/providers/fallback.ts'
import type { Request, Transcript } from '../../src/providers/provider.ts'

const voice = { bytes: new Uint8Array(1), type: 'audio/ogg', seconds: 1 }
const ask: Request = { instructions: '', items: [], tools: [] }
const never = new AbortController().signal

t.test('the first provider that answers is the one', async t => {
  const [first, second, third] = [ears('PROVIDER_UNAVAILABLE'), ears('words'), ears('other words')]
  t.equal((await listOf(first, second, third).transcribe(voice, never)).text, 'words')
  t.strictSame([first.asked(), second.asked(), third.asked()], [1, 1, 0])
})

t.test('the next one is asked where one is down, refuses or talks nonsense', async t => {
  for (const code of ['PROVIDER_UNAVAILABLE', 'PROVIDER_REFUSED', 'PROVIDER_GARBLED'] as const) {
    t.equal((await listOf(ears(code), ears('words')).transcribe(voice, never)).text, 'words', code)
  }
})

t.test('what is wrong with the question is not asked again', async t => {
  const codes: FailureCode[] = ['SPEECH_UNREADABLE', 'AUDIO_TOO_LONG', 'PROVIDER_CONTENT_REFUSED', 'AGENT_TOO_BIG']
  for (const code of codes) {
    const next = ears('words')
    t.match(
      await listOf(ears(code), next)
        .transcribe(voice, never)
        .catch(error => error),
      { code }
    )
    t.equal(next.asked(), 0, code)
  }
})

t.test('where all fail an outage is thrown if there was one, since waiting may help', async t => {
  const thrown = async (...codes: FailureCode[]) => {
    const failure = await listOf(...codes.map(ears))
      .transcribe(voice, never)
      .catch(error => error)
    return (failure as Failure).code
  }
  t.equal(await thrown('PROVIDER_UNAVAILABLE', 'PROVIDER_REFUSED'), 'PROVIDER_UNAVAILABLE')
  t.equal(await thrown('PROVIDER_REFUSED', 'PROVIDER_GARBLED'), 'PROVIDER_GARBLED')
  t.equal(await thrown(), 'PROVIDER_REFUSED')
})

t.test('an abort ends the whole list', async t => {
  const stop = new AbortController()
  const reason = new Error('lease lost')
  const next = ears('words')
  const first = {
    async transcribe(): Promise<Transcript> {
      stop.abort(reason)
      throw new Failure('PROVIDER_UNAVAILABLE')
    }
  }
  t.equal(
    await listOf(first, next)
      .transcribe(voice, stop.signal)
      .catch(error => error),
    reason
  )
  t.equal(next.asked(), 0)
})

t.test('each use has a list of its own', async t => {
  const turn = { text: 'Hello', calls: [], provider: 'mind', model: 'mind-1', tokens: { input: 1, output: 1 } }
  const provider = createFallback({ transcribe: [ears('words')], respond: [{ respond: async () => turn }] })
  t.strictSame(await provider.respond(ask, never), turn)
  t.equal((await provider.transcribe(voice, never)).text, 'words')
})

function listOf(...transcribe: Parameters<typeof createFallback>[0]['transcribe']) {
  return createFallback({ transcribe, respond: [] })
}

/** Hears those words, or fails with that code. */
function ears(answer: string) {
  let asked = 0
  return {
    asked: () => asked,
    async transcribe(): Promise<Transcript> {
      asked++
      if (/^[A-Z_]+$/.test(answer)) throw new Failure(answer as FailureCode)
      return { text: answer, language: null, provider: 'ears', model: 'ears-1' }
    }
  }
}

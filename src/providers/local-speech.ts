import type { Clock } from '../frames/clock.ts'
import type { Observe } from '../frames/event.ts'
import { Failure } from '../frames/failure.ts'
import type { SpeechAnswer, SpeechJob } from './local-speech-worker.ts'
import type { Provider } from './provider.ts'
import { superviseWorker } from './supervised-worker.ts'

/** Recognition on this machine. */
export interface LocalSpeech extends Pick<Provider, 'transcribe'> {
  /** Loads the model now. Throws an Error that says what is missing and how to get it. */
  ready(): Promise<void>
  close(): Promise<void>
}

/**
 * Recognises English in Ogg Opus, the format of WhatsApp's voice notes, without a key and without a network, in a thread of its
 * own that is started by the first use. Voice notes of more than `maxSeconds` are refused; one job may take `timeoutMs` (2 minutes).
 */
export function createLocalSpeech(options: {
  readonly modelDir: string
  readonly maxSeconds: number
  readonly timeoutMs?: number
  readonly observe: Observe
  readonly clock: Clock
}): LocalSpeech {
  const { modelDir, maxSeconds, timeoutMs = 120_000, observe, clock } = options
  const worker = superviseWorker(new URL('./local-speech-worker.ts', import.meta.url), modelDir, timeoutMs)
  const ask = async (job: SpeechJob, signal: AbortSignal) => (await worker.run(job, signal)) as SpeechAnswer

  async function recognise(bytes: Uint8Array, signal: AbortSignal): Promise<string> {
    const answer = await ask({ bytes: new Uint8Array(bytes), maxSeconds }, signal)
    if ('failure' in answer) throw new Failure(answer.failure)
    if ('unusable' in answer) throw new Failure('PROVIDER_REFUSED', { cause: { code: answer.unusable } })
    return answer.text
  }

  return {
    async ready() {
      const answer = await ask('ready', AbortSignal.timeout(timeoutMs))
      if ('unusable' in answer) throw new Error(remedies[answer.unusable])
    },
    async transcribe(audio, signal) {
      if (!oggTypes.test(audio.type)) throw new Failure('AUDIO_TYPE_UNSUPPORTED')
      const started = clock.monotonic()
      let outcome = 'aborted'
      try {
        const text = await recognise(audio.bytes, signal)
        outcome = 'done'
        return { text, language: 'en', provider: 'local', model }
      } catch (error) {
        if (error instanceof Failure) outcome = error.code
        throw error
      } finally {
        const ms = clock.monotonic() - started
        observe('provider.called', { use: 'transcribe', model, outcome, ms, inputTokens: 0, outputTokens: 0 })
      }
    },
    close: worker.close
  }
}

const model = 'moonshine-tiny-en'
const oggTypes = /^(audio|application)\/(ogg|opus)\s*(;|$)/i

const remedies = {
  'packages-missing':
    'Local speech needs the packages onnxruntime-web and ogg-opus-decoder: install them with "npm ci" (without --omit=dev), or set SPEECH=openai.',
  'model-missing': 'The speech model is not here yet: "npm run demo" fetches it, or set SPEECH=openai.',
  'model-broken': 'The speech model cannot be loaded: delete its folder and fetch it again with "npm run demo".'
}

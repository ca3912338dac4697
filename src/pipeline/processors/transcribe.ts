import { Failure } from '../../frames/failure.ts'
import { deriveProvenance } from '../../frames/provenance.ts'
import type { Spending } from '../../policy/budgets.ts'
import type { Provider } from '../../providers/provider.ts'
import type { Store } from '../../store/store.ts'
import type { Processor } from '../processor.ts'
import { toTranscribe } from './next-attachment.ts'
import { overBudget } from './over-budget.ts'

/** Of the voice notes of phones, for audio whose length cannot be told. */
const bytesPerSecond = 2_000

/** Turns the next downloaded voice note into words. Throws AUDIO_EXPIRED, SPEECH_EMPTY and what the provider throws. */
export function createTranscribe(parts: {
  store: Pick<Store, 'blob'>
  provider: Pick<Provider, 'transcribe'>
  spending: Spending
}): Processor {
  return {
    name: 'transcribe',
    async run({ execution, frame, bytes: atHand, signal }) {
      const audio = toTranscribe(execution.frames)
      if (audio === undefined) throw new TypeError('no audio to transcribe')
      const fresh = audio.id === frame.id ? atHand : undefined
      const bytes = fresh ?? (await parts.store.blob(`${execution.id}:${audio.n}`))
      if (bytes === null) throw new Failure('AUDIO_EXPIRED')
      const { type, seconds, attachment } = audio.data
      const use = { execution, what: `audio-${attachment}` }
      const length = Math.ceil(seconds ?? bytes.length / bytesPerSecond)
      if (!(await parts.spending.reserve('audioSecondsPerDay', use, length))) {
        return overBudget(parts.spending, { execution, frame, signal }, 'audioSecondsPerDay')
      }
      const heard = await parts.provider.transcribe({ bytes, type, seconds }, signal)
      const text = heard.text.trim()
      if (text === '') throw new Failure('SPEECH_EMPTY')
      return {
        draft: {
          kind: 'speech.transcribed',
          data: { attachment, text, language: heard.language, provider: heard.provider, model: heard.model },
          parent: audio.id,
          provenance: deriveProvenance('transcription', audio.id, [audio.provenance])
        }
      }
    }
  }
}

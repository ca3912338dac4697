import { createHash } from 'node:crypto'
import { type OpenAIError, openaiError } from './openai-errors.ts'

/** Audio as it was uploaded. */
export interface UploadedAudio {
  readonly bytes: Buffer
  readonly name: string
  readonly sha256: string
  readonly model: string
  /** `json`, `text` or `verbose_json`. */
  readonly format: string
}

/** Who knows what is said: a map by the SHA-256 of the bytes (hexadecimal), or a function. */
export type Transcripts =
  | ReadonlyMap<string, string>
  | ((audio: UploadedAudio) => string | undefined | Promise<string | undefined>)

/** Reads the form of `POST /v1/audio/transcriptions`, or answers with the error that the API would. */
export async function readAudio(body: Buffer, contentType: string): Promise<UploadedAudio | OpenAIError> {
  const form = await new Response(new Uint8Array(body), { headers: { 'Content-Type': contentType } })
    .formData()
    .catch(() => null)
  const file = form?.get('file')
  if (!(file instanceof File)) return openaiError(400, 'Could not parse multipart form: no file.')
  const model = String(form?.get('model') ?? '')
  const format = String(form?.get('response_format') ?? 'json')
  if (model === '') return openaiError(400, 'you must provide a model parameter')
  if (!acceptedEndings.test(file.name)) return openaiError(400, 'Invalid file format.')
  if (format === 'verbose_json' && model !== 'whisper-1') {
    return openaiError(400, `response_format '${format}' is not compatible with model '${model}'.`, 'unsupported_value')
  }
  const bytes = Buffer.from(await file.arrayBuffer())
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { bytes, name: file.name, sha256, model, format }
}

/** The words of the audio, by the map or the function; undefined where nobody knows them. */
export function wordsOf(
  audio: UploadedAudio,
  transcripts: Transcripts
): string | undefined | Promise<string | undefined> {
  return typeof transcripts === 'function' ? transcripts(audio) : transcripts.get(audio.sha256)
}

/** The words as the API answers them (https://platform.openai.com/docs/api-reference/audio/json-object). */
export function transcriptionAnswer({ model, format, bytes }: UploadedAudio, text: string): object {
  const seconds = Math.ceil(bytes.length / bytesPerSecond)
  if (format === 'verbose_json') {
    return {
      task: 'transcribe',
      language: 'english',
      duration: seconds,
      text,
      segments: [],
      usage: { type: 'duration', seconds }
    }
  }
  if (model === 'whisper-1') return { text, usage: { type: 'duration', seconds } }
  const [input, output] = [seconds * 10, Math.ceil(text.length / 4)]
  const details = { text_tokens: 0, audio_tokens: input }
  const usage = {
    input_tokens: input,
    input_token_details: details,
    output_tokens: output,
    total_tokens: input + output
  }
  return { text, usage: { type: 'tokens', ...usage } }
}

// The API goes by the ending of the file's name, and refuses .opus although it can read what is inside.
const acceptedEndings = /\.(flac|m4a|mp3|mp4|mpeg|mpga|oga|ogg|wav|webm)$/i

// Of a WhatsApp voice note, about; only the usage figures depend on it.
const bytesPerSecond = 3_000

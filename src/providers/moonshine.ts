import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { env, InferenceSession, Tensor } from 'onnxruntime-web'
import { phrasesOf } from './phrases.ts'
import { speechModelFiles } from './speech-model.ts'

/** Samples a second, one channel, that the model hears. */
export const sampleRate = 16_000

/**
 * Loads Moonshine tiny-en (Useful Sensors, https://arxiv.org/abs/2410.15608) and answers a function from samples to English text,
 * '' for silence. It computes on the thread it is called on. Throws where a file is missing (ENOENT) or is no model.
 */
export async function loadMoonshine(dir: string): Promise<(samples: Float32Array) => Promise<string>> {
  env.wasm.numThreads = 1
  setFlagsFromString(`--wasm-tiering-budget=${tieringBudget}`)
  const [encoder, decoder, vocabulary] = await Promise.all([
    session(join(dir, speechModelFiles.encoder)),
    session(join(dir, speechModelFiles.decoder)),
    readFile(join(dir, speechModelFiles.tokenizer)).then(tokensOf)
  ])
  return async samples => {
    const heard: string[] = []
    for (const phrase of phrasesOf(samples, sampleRate)) {
      const tokens = isSilent(phrase) ? [] : await tokensIn(padded(phrase), encoder, decoder)
      const bytes = Buffer.concat(tokens.map(token => vocabulary[token] ?? Buffer.alloc(0)))
      heard.push(bytes.toString('utf8').replaceAll('\u2581', ' ').trim())
    }
    return heard.filter(text => text !== '').join(' ')
  }
}

async function session(file: string): Promise<InferenceSession> {
  return InferenceSession.create(await readFile(file), { executionProviders: ['wasm'], logSeverityLevel: 3 })
}

/** The tokens of one phrase, the likeliest one after the other, until the model says that it ends. */
async function tokensIn(
  samples: Float32Array,
  encoder: InferenceSession,
  decoder: InferenceSession
): Promise<number[]> {
  const mask = integers(new BigInt64Array(samples.length).fill(1n))
  const input = new Tensor('float32', samples, [1, samples.length])
  const { last_hidden_state: states } = await encoder.run({ input_values: input, attention_mask: mask })
  if (states === undefined) throw new TypeError('The encoder answers no states.')
  const fixed = { encoder_attention_mask: mask, encoder_hidden_states: states }
  let past = emptyCache()
  const tokens: number[] = []
  // Noise can send the model in circles: nobody speaks faster than this.
  const most = Math.ceil((samples.length / sampleRate) * maxTokensASecond)
  while (tokens.length < most) {
    const first = tokens.length === 0
    const answer = await decoder.run({
      ...fixed,
      ...past,
      input_ids: integers(BigInt64Array.of(BigInt(tokens.at(-1) ?? startToken))),
      use_cache_branch: new Tensor('bool', [!first], [1])
    })
    past = nextCache(past, answer, first)
    const token = likeliest(answer.logits?.data as Float32Array)
    if (token === endToken) break
    tokens.push(token)
  }
  return tokens
}

type Cache = Record<string, Tensor>

function emptyCache(): Cache {
  const cache: Cache = {}
  for (let layer = 0; layer < layers; layer++) {
    for (const name of ['decoder.key', 'decoder.value', 'encoder.key', 'encoder.value']) {
      cache[`past_key_values.${layer}.${name}`] = new Tensor('float32', new Float32Array(heads * width), [
        1,
        heads,
        1,
        width
      ])
    }
  }
  return cache
}

/** What the decoder remembers of the speech is complete after its first step; what it remembers of its words grows. */
function nextCache(past: Cache, answer: InferenceSession.ReturnType, first: boolean): Cache {
  const next = { ...past }
  for (const name of Object.keys(past)) {
    const present = answer[name.replace('past_key_values', 'present')]
    if (present !== undefined && (first || name.includes('.decoder.'))) next[name] = present
  }
  return next
}

function likeliest(logits: Float32Array): number {
  let best = 0
  for (let i = 1; i < logits.length; i++) if ((logits[i] ?? 0) > (logits[best] ?? 0)) best = i
  return best
}

/** Entries are byte strings after their length, which takes a second byte from 128 on. */
function tokensOf(file: Buffer): Buffer[] {
  const tokens: Buffer[] = []
  for (let at = 0; at < file.length; ) {
    let length = file[at++] ?? 0
    if (length >= 128) length += ((file[at++] ?? 0) - 1) * 128
    tokens.push(file.subarray(at, at + length))
    at += length
  }
  return tokens
}

function integers(values: BigInt64Array): Tensor {
  return new Tensor('int64', values, [1, values.length])
}

/** Fed silence, the model makes up a word. */
function isSilent(samples: Float32Array): boolean {
  return samples.length < sampleRate / 10 || samples.every(sample => Math.abs(sample) < quietest)
}

/** With a little silence on both sides fewer first and last words are lost. */
function padded(samples: Float32Array): Float32Array {
  const all = new Float32Array(samples.length + sampleRate / 2)
  all.set(samples, sampleRate / 4)
  return all
}

// What is lukewarm is not compiled a second time: that took a third of the processor until the first words, and made them no faster.
const tieringBudget = 200_000_000
const startToken = 1
const endToken = 2
const layers = 6
const heads = 8
const width = 36
const maxTokensASecond = 6.5
const quietest = 0.01

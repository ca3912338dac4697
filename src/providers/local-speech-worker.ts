// The thread in which local speech is recognised: decoding and the model take seconds of computing, which would hold up webhooks.
import { parentPort, workerData } from 'node:worker_threads'
import type { FailureCode } from '../frames/failure.ts'
import { Failure } from '../frames/failure.ts'

/** What the thread is asked: whether it can work, or what is said in a voice note. */
export type SpeechJob = { readonly bytes: Uint8Array; readonly maxSeconds: number } | 'ready'

/** What it answers. `unusable` says what keeps it from working at all. */
export type SpeechAnswer =
  | { readonly text: string }
  | { readonly failure: FailureCode }
  | { readonly unusable: 'packages-missing' | 'model-missing' | 'model-broken' }

const engine = load(workerData as string).catch((error: unknown) => ({ unusable: reasonOf(error) }) as const)

parentPort?.on('message', async (job: SpeechJob) => {
  parentPort?.postMessage(await answer(job))
})

async function answer(job: SpeechJob): Promise<SpeechAnswer> {
  const loaded = await engine
  if ('unusable' in loaded) return loaded
  if (job === 'ready') return { text: '' }
  try {
    const samples = await loaded.decodeOggOpus(job.bytes, loaded.sampleRate, job.maxSeconds)
    return { text: await loaded.recognise(samples) }
  } catch (error) {
    if (error instanceof Failure) return { failure: error.code }
    throw error
  }
}

/** Imported here, because the packages behind these files are optional and may be missing. */
async function load(modelDir: string) {
  const [{ decodeOggOpus }, { loadMoonshine, sampleRate }] = await Promise.all([
    import('./ogg-opus.ts'),
    import('./moonshine.ts')
  ])
  return { decodeOggOpus, sampleRate, recognise: await loadMoonshine(modelDir) } as const
}

function reasonOf(error: unknown): 'packages-missing' | 'model-missing' | 'model-broken' {
  const code = (error as { code?: unknown }).code
  if (code === 'ERR_MODULE_NOT_FOUND') return 'packages-missing'
  return code === 'ENOENT' ? 'model-missing' : 'model-broken'
}

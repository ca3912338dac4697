import { createApp } from '../../src/app.ts'
import { closeApp } from '../../src/close-app.ts'
import { readConfig } from '../../src/config.ts'
import type { Clock } from '../../src/frames/clock.ts'
import { systemClock } from '../../src/frames/clock.ts'
import { systemEntropy } from '../../src/frames/entropy.ts'
import { createMetrics } from '../../src/metrics.ts'
import { openMongoStore } from '../../src/store/mongodb/mongodb.ts'
import { type OpenSystem, openSystem, type Ports } from '../../src/system.ts'
import { type Stage, until } from '../stage.ts'

/** A whole server in this process, whose time is moved by hand. */
export interface MovableServer {
  readonly clock: Clock
  /** Waits until nobody is at work, moves the time on, and waits until what was due by then is done. */
  advance(ms: number): Promise<void>
  /** Advances in steps of `stepMs` until nothing is queued any more. */
  advanceUntilSettled(stepMs: number): Promise<void>
}

/** Starts the server of a stage in this process: for waits that are too long to be waited for. */
export async function startMovable(
  t: { teardown(handler: () => unknown): void },
  stage: Stage,
  options: { env?: Record<string, string>; wrap?: (ports: Ports, clock: Clock) => Ports } = {}
): Promise<MovableServer> {
  const config = readConfig({ ...stage.env, ...options.env })
  let offset = 0
  let isIdle = false
  const bells = new Set<() => void>()
  const clock: Clock = { now: () => systemClock.now() + offset, monotonic: () => systemClock.monotonic() + offset }

  // A database goes by the time of its server, which is moved as well.
  const { databaseUri: uri, retention } = config
  const offsetMs = () => offset
  const moved = uri && (await openMongoStore({ uri, clock, entropy: systemEntropy, ...retention, offsetMs }))
  if (moved) t.teardown(() => moved.close())

  function watch(ports: Ports): Ports {
    const store = moved || ports.store
    return {
      ...ports,
      store: {
        ...store,
        async accept(message) {
          const answer = await store.accept(message)
          // A database may be rung after its answer: whoever looks from now on waits for that.
          for (const ring of bells) ring()
          return answer
        },
        onRing(listener) {
          const ring = () => {
            isIdle = false
            listener()
          }
          bells.add(ring)
          return store.onRing(ring)
        },
        async claim(wanted) {
          const claim = await store.claim(wanted)
          isIdle = claim === null
          return claim
        }
      }
    }
  }

  let system: OpenSystem | undefined
  const metrics = createMetrics({ depth: async () => (system as OpenSystem).store.depth() })
  const wrap = (ports: Ports) => watch(options.wrap?.(ports, clock) ?? ports)
  const opened = await openSystem(config, { clock, entropy: systemEntropy, observe: metrics.observe, wrap })
  system = opened
  const app = await createApp(opened, metrics)
  await app.listen({ host: config.host, port: config.port })
  opened.worker.start()
  t.teardown(async () => {
    await Promise.all([closeApp(app), opened.worker.stop(0)])
    await opened.close()
  })

  const atRest = () => until(() => isIdle && opened.worker.running() === 0, 15_000)
  async function advance(ms: number): Promise<void> {
    await atRest()
    offset += ms
    for (const ring of bells) ring()
    await atRest()
  }
  return {
    clock,
    advance,
    async advanceUntilSettled(stepMs) {
      await atRest()
      while ((await stage.metric('knomly_queue_depth')) > 0) await advance(stepMs)
    }
  }
}

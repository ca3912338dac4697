// A process to be killed: accepts messages in a loop and prints the id of each one that was acknowledged.
import { systemClock } from '../../src/frames/clock.ts'
import { systemEntropy } from '../../src/frames/entropy.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite.ts'
import { message } from './builders.ts'

const dir = process.argv[2] ?? ''
const store = await openSqliteStore({ dir, clock: systemClock, entropy: systemEntropy, contentMs: 1_000 })
process.stdout.write('open\n')
await Promise.all(Array.from({ length: 8 }, acceptForever))

async function acceptForever(_: unknown, worker: number): Promise<never> {
  for (let i = 0; ; i++) {
    const id = `${worker}-${i}`
    await store.accept(message({ id, lane: `lane-${worker}` }))
    process.stdout.write(`${id}\n`)
  }
}

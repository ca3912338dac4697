// One client process of the history case: random calls of the store by several workers at once, until it is killed.
import { openSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { createHistoryClient } from './history-client.ts'
import { openHistoryLog } from './history-log.ts'
import { openStoreOf } from './open-store.ts'
import { randomOf } from './plan.ts'

const { HISTORY_FILE = '', HISTORY_CLIENT = '', HISTORY_SEED = '1', DATA_DIR = '', MONGODB_URI } = process.env
const workers = 4
const lanes = 3
const idleMs = 20
const random = randomOf(Number(HISTORY_SEED))

const store = await openStoreOf({ uri: MONGODB_URI, dir: DATA_DIR })
// The name of a process is new with each start, and so are those of its messages.
const log = openHistoryLog(openSync(HISTORY_FILE, 'a'), HISTORY_CLIENT)
const client = createHistoryClient(store, log, random)
process.stderr.write('ready\n')

for (let i = 0; i < workers; i++) {
  void (async () => {
    for (;;) if (!(await client.work())) await wait(idleMs)
  })()
}
void (async () => {
  for (;;) if ((await client.decide()) === 0) await wait(idleMs)
})()
for (let i = 0; ; i++) {
  await client.accept(`lane-${HISTORY_CLIENT}-${i % lanes}`, `${HISTORY_CLIENT}-${i}`)
  await wait(random() * 4 * idleMs)
}

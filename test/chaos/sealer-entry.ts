// One process of the sealers' case: it tells and seals as fast as it can, and dies or sleeps in the middle of sealing where it is told to.
import { appendFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { record } from '../../src/audit/record.ts'
import { watchSeals } from './mid-seal.ts'
import { openStoreOf } from './open-store.ts'

const { SEALER_FILE = '', SEALER_NAME = '', SEALER_STRIKE, SEALER_AT = '1', DATA_DIR = '', MONGODB_URI } = process.env
const most = 20
let passed = 0

const store = await openStoreOf({ uri: MONGODB_URI, dir: DATA_DIR })
watchSeals({
  before: () => strikeAt('pause', 'SIGSTOP'),
  after: () => strikeAt('kill', 'SIGKILL')
})
process.stderr.write('ready\n')

void (async () => {
  for (;;) {
    await store.seal().catch(() => {})
    await setImmediate()
  }
})()
for (let i = 0; ; i++) {
  const at = new Date().toISOString()
  const records = Array.from({ length: 1 + (i % most) }, (_, k) =>
    record({
      ...{ id: `${SEALER_NAME}-${i}-${k}`, tenant: `tenant-${i % 2}`, at, actor: 'server', action: 'test' },
      ...{ execution: null, outcome: 'done', detail: { i, k } }
    })
  )
  await store.audit(records).then(
    () => appendFileSync(SEALER_FILE, records.map(({ id }) => `${id}\n`).join('')),
    () => {}
  )
}

function strikeAt(what: string, signal: string): void {
  if (SEALER_STRIKE !== what) return
  passed += 1
  if (passed === Number(SEALER_AT)) process.kill(process.pid, signal)
}

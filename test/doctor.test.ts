import { randomUUID } from 'node:crypto'
import { MongoClient } from 'mongodb'
import t from 'tap'
import { runHere } from './commands.ts'
import { accountSid, authToken, freePort, ours } from './stage.ts'

const closed = await freePort()
const env = {
  PORT: String(closed),
  PUBLIC_URL: `http://127.0.0.1:${closed}`,
  TWILIO_ACCOUNT_SID: accountSid,
  TWILIO_AUTH_TOKEN: authToken,
  TWILIO_SENDERS: ours,
  TWILIO_API_URL: `http://127.0.0.1:${closed}`,
  ALLOWED_SENDERS: '*',
  OPENAI_API_KEY: 'sk-test',
  MASTER_KEY: Buffer.alloc(32, 7).toString('base64')
}
const uri = new URL(process.env.TEST_MONGODB_URI ?? '')
uri.pathname = `/doctor-${randomUUID()}`
t.teardown(async () => {
  const client = new MongoClient(uri.href)
  await client
    .db()
    .dropDatabase()
    .finally(() => client.close())
})

t.test('doctor shows the facts about a database, and nothing about a folder', async t => {
  const { output } = await runHere({ ...env, MONGODB_URI: uri.href }, 'doctor')
  t.match(output, /ok +store +MongoDB [\d.]+, database doctor-.*ok +replica set +rs0.*ok +schema.*ok +indexes/s)
  t.notMatch(output, 'DATA_DIR')
})

t.test('doctor tells what is wrong with a database in one check, and shows no credentials', async t => {
  const stranger = new URL(uri)
  stranger.username = 'stranger'
  stranger.password = 'S3cret'
  const cases: [Record<string, string>, RegExp][] = [
    [
      { MONGODB_URI: `mongodb://stranger:S3cret@127.0.0.1:${closed}/?replicaSet=rs0` },
      /wrong +store +The database of MONGODB_URI does not answer \(MongoServerSelectionError\)\.\n +→ Start it/
    ],
    [{ MONGODB_URI: stranger.href }, /wrong +store +MongoDB refuses the credentials of MONGODB_URI: correct/],
    [
      { MONGODB_URI: uri.href, MASTER_KEY: Buffer.alloc(32, 8).toString('base64') },
      /wrong +store +The master key does not open this store/
    ],
    [{ MONGODB_URI: uri.href, MASTER_KEY: '' }, /wrong +configuration +MASTER_KEY is missing: set it to/]
  ]
  for (const [more, sentence] of cases) {
    const { code, output } = await runHere({ ...env, ...more }, 'doctor')
    t.equal(code, 1)
    t.match(output, sentence)
    t.equal(output.match(/^wrong +(store|configuration)/gm)?.length, 1)
    t.notMatch(output, /stranger|S3cret/)
  }
})

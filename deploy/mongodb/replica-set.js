// Runs in mongosh, in the network of the first member, whenever the services are brought up: initiates the replica set, makes its
// two users, and gives them the passwords of the environment. What is there already stays as it is.
const hosts = process.env.MEMBERS.split(',')
const adminPassword = checked('MONGODB_ADMIN_PASSWORD')
const password = checked('MONGODB_PASSWORD')
const wrongPassword = 'MONGODB_ADMIN_PASSWORD is not the one that the user admin was made with: set that one.'
const deadline = Date.now() + 120_000

const port = hosts[0].split(':')[1]
const here = new Mongo(`mongodb://127.0.0.1:${port}/?directConnection=true`).getDB('admin')
initiate()
const set = signIn()
letAllBePrimary()
makeUser()
print('The replica set and its users are ready.')

/** Until there are users only the first member may be primary: MongoDB takes the first user from its own machine alone. */
function initiate() {
  const members = []
  for (const host of hosts) members.push({ _id: members.length, host, priority: members.length === 0 ? 1 : 0 })
  while (here.hello().setName === undefined) {
    try {
      here.adminCommand({ replSetInitiate: { _id: 'rs0', members } })
    } catch (error) {
      waitOrThrow(error)
    }
  }
}

/** A connection to the whole set as the user `admin`, which is made where there is no user yet. */
function signIn() {
  const uri = `mongodb://admin:${adminPassword}@${hosts}/admin?replicaSet=rs0&serverSelectionTimeoutMS=60000`
  try {
    // Not returned at once: mongosh would then wait for it outside of the try.
    const known = new Mongo(uri)
    return known
  } catch (error) {
    if (error.codeName !== 'AuthenticationFailed') throw error
  }
  for (let hello = here.hello(); !hello.isWritablePrimary; hello = here.hello()) {
    if (hello.primary !== undefined && hello.primary !== hello.me) throw new Error(wrongPassword)
    waitOrThrow(new Error('The first member does not become primary: look at its log.'))
  }
  try {
    here.createUser({ user: 'admin', pwd: adminPassword, roles: ['root'] })
  } catch (error) {
    throw error.codeName === 'Unauthorized' ? new Error(wrongPassword) : error
  }
  return new Mongo(uri)
}

function letAllBePrimary() {
  const admin = set.getDB('admin')
  const { config } = admin.adminCommand({ replSetGetConfig: 1 })
  const isAsInitiated = config.members.every(({ priority }, n) => priority === (n === 0 ? 1 : 0))
  if (!isAsInitiated) return
  for (const member of config.members) member.priority = 1
  config.version += 1
  admin.adminCommand({ replSetReconfig: config })
}

/** The servers' user: its own database and nothing else. Change streams of that database are part of `readWrite`. */
function makeUser() {
  const knomly = set.getDB('knomly')
  const roles = [{ role: 'readWrite', db: 'knomly' }]
  if (knomly.getUser('knomly') === null) knomly.createUser({ user: 'knomly', pwd: password, roles })
  else knomly.updateUser('knomly', { pwd: password, roles })
}

/** A password that needs no escaping in a URI. */
function checked(name) {
  const value = process.env[name] ?? ''
  if (/^[\w-]{24,}$/.test(value)) return value
  throw new Error(`${name} must be 24 letters, digits, - or _ or more: openssl rand -hex 32 makes one.`)
}

function waitOrThrow(error) {
  if (Date.now() > deadline) throw error
  sleep(500)
}

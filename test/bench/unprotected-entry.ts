// The server as it would be without sealing and without audit, and everything else as it is.
import { startServer } from '../../src/server.ts'

await startServer(process.env, {
  seal: store => store,
  auditOf: () => ({ intents: [], outcomes: [] }),
  wrap: ports => ({ ...ports, store: { ...ports.store, audit: async () => {}, seal: async () => 0 } })
})

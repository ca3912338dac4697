// The main journeys once more, with the production store.
process.env.MONGODB_URI = process.env.TEST_MONGODB_URI
await import('./voice-note.test.ts')
await import('./conversation.test.ts')
await import('./audit.test.ts')

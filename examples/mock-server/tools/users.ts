import type { McpServer } from '@modelcontextprotocol/server'
import * as z from 'zod'

import { resourceUris } from '../data.ts'
import type { Data, User } from '../data.ts'
import { answer, pageArguments, pageOf, pageSchema } from './answers.ts'
import { emailFaults } from './email.ts'

const role = z.enum(['admin', 'editor', 'viewer'])
const name = z.string().trim().min(1).max(100)
const userSchema: z.ZodType<User> = z.object({
  id: z.int(),
  name: z.string(),
  email: z.string(),
  role,
  active: z.boolean(),
  createdAt: z.string(),
})

const getInput = z.object({
  role: role.optional(),
  active: z.boolean().optional(),
  search: z.string().optional().describe('Part of the name or of the email address'),
  ...pageArguments,
})
const createInput = z.object({ name, email: z.string(), role: role.default('viewer') })
const updateInput = z.object({
  id: z.int(),
  name: name.optional(),
  email: z.string().optional(),
  role: role.optional(),
  active: z.boolean().optional(),
})
const deleteInput = z.object({ id: z.int() })
const usersOutput = pageSchema(userSchema)
const userOutput = z.object({ user: userSchema })
const deleteOutput = z.object({ user: userSchema, deletedPosts: z.int() })

/** Adds the tools that read and change users. */
export function registerUserTools(server: McpServer, data: Data): void {
  registerGetUsers(server, data)
  registerCreateUser(server, data)
  registerUpdateUser(server, data)
  registerDeleteUser(server, data)
}

function registerGetUsers(server: McpServer, data: Data): void {
  server.registerTool(
    'get_users',
    {
      title: 'List users',
      description: 'Lists users, filtered by role, activity or a part of their name or email address.',
      inputSchema: getInput,
      outputSchema: usersOutput,
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    ({ role, active, search, ...page }) => {
      const wanted = search?.toLowerCase()
      const found = [...data.users.values()].filter(
        user =>
          (role === undefined || user.role === role) &&
          (active === undefined || user.active === active) &&
          (wanted === undefined || `${user.name} ${user.email}`.toLowerCase().includes(wanted)),
      )
      return answer({ ...pageOf(found, page) })
    },
  )
}

function registerCreateUser(server: McpServer, data: Data): void {
  server.registerTool(
    'create_user',
    {
      title: 'Create a user',
      description: 'Adds a user. The email address must be valid and not taken.',
      inputSchema: createInput,
      outputSchema: userOutput,
      annotations: { readOnlyHint: false, destructiveHint: false, openWorldHint: false },
    },
    ({ name, email, role }) => {
      const checked = freeEmail(data, email)
      const createdAt = new Date().toISOString()
      const user: User = { id: data.newId(), name, email: checked, role, active: true, createdAt }
      data.users.set(user.id, user)
      data.changed(resourceUris.users)
      return answer({ user })
    },
  )
}

function registerUpdateUser(server: McpServer, data: Data): void {
  server.registerTool(
    'update_user',
    {
      title: 'Update a user',
      description: 'Changes the fields that are given and leaves the others.',
      inputSchema: updateInput,
      outputSchema: userOutput,
      annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
    },
    ({ id, ...changes }) => {
      const before = findUser(data, id)
      const given = Object.entries(changes).filter(([, value]) => value !== undefined)
      if (given.length === 0) throw new Error('Nothing to change: give name, email, role or active')
      const user: User = { ...before, ...Object.fromEntries(given) }
      if (changes.email !== undefined) user.email = freeEmail(data, changes.email, id)
      data.users.set(id, user)
      data.changed(resourceUris.users)
      return answer({ user })
    },
  )
}

function registerDeleteUser(server: McpServer, data: Data): void {
  server.registerTool(
    'delete_user',
    {
      title: 'Delete a user',
      description: 'Deletes a user and every post the user wrote. This cannot be undone.',
      inputSchema: deleteInput,
      outputSchema: deleteOutput,
      annotations: { readOnlyHint: false, destructiveHint: true, openWorldHint: false },
    },
    ({ id }) => {
      const user = findUser(data, id)
      const orphans = [...data.posts.values()].filter(post => post.userId === id)
      for (const post of orphans) data.posts.delete(post.id)
      data.users.delete(id)
      data.changed(resourceUris.users)
      if (orphans.length > 0) data.changed(resourceUris.posts)
      return answer({ user, deletedPosts: orphans.length })
    },
  )
}

/** Returns the user with this id. Throws when there is none, which becomes a tool error. */
export function findUser(data: Data, id: number): User {
  const user = data.users.get(id)
  if (user === undefined) throw new Error(`No user has the id ${id}`)
  return user
}

function freeEmail(data: Data, email: string, owner?: number): string {
  const faults = emailFaults(email)
  if (faults.length > 0) throw new Error(`Not an email address: ${faults.join('; ')}`)
  const address = email.trim().toLowerCase()
  const taken = [...data.users.values()].some(user => user.email === address && user.id !== owner)
  if (taken) throw new Error(`The email address ${address} is taken`)
  return address
}

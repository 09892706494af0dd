import { completable } from '@modelcontextprotocol/server'
import type { GetPromptResult, McpServer } from '@modelcontextprotocol/server'
import * as z from 'zod'

import { resourceUris } from './data.ts'
import type { Data } from './data.ts'
import { analyse } from './tools/analytics.ts'

const actions = {
  onboard: 'Create the user with create_user, then write a short welcome post.',
  audit: 'List the users with get_users and name those who are inactive or whose role looks too powerful.',
  offboard: 'Set the user inactive with update_user. Do not delete anything before I have agreed to it.',
}

/** Adds the four prompts. Each is filled from the current data. */
export function registerPrompts(server: McpServer, data: Data): void {
  registerUserManagement(server, data)
  registerEcommerceAssistant(server, data)
  registerContentManagement(server, data)
  registerAnalyticsDashboard(server, data)
}

function registerUserManagement(server: McpServer, data: Data): void {
  server.registerPrompt(
    'user_management',
    {
      title: 'Manage users',
      description: 'Takes somebody on, sees somebody off, or looks over the accounts.',
      argsSchema: z.object({
        action: completable(z.enum(['onboard', 'audit', 'offboard']), typed =>
          beginsWith(Object.keys(actions), typed).map(name => name as keyof typeof actions),
        ),
        name: z.string().optional().describe('Whom it is about'),
      }),
    },
    ({ action, name }) =>
      ask(`${actions[action]}${name === undefined ? '' : `\nIt is about ${name}.`}`, {
        uri: resourceUris.users,
        value: [...data.users.values()],
      }),
  )
}

function registerEcommerceAssistant(server: McpServer, data: Data): void {
  server.registerPrompt(
    'ecommerce_assistant',
    {
      title: 'Help a customer',
      description: 'Recommends products of one category within a budget.',
      argsSchema: z.object({
        category: completable(z.string(), typed =>
          beginsWith(
            [...data.products.values()].map(product => product.category),
            typed,
          ),
        ),
        budget: z.string().optional().describe('In euros'),
      }),
    },
    ({ category, budget }) =>
      ask(
        `Recommend products of the category ${category}${budget === undefined ? '' : ` for at most ${budget} euros`}. ` +
          'Leave out what is sold out, and place the order with process_order once I have chosen.',
        {
          uri: resourceUris.products,
          value: [...data.products.values()].filter(product => product.category === category),
        },
      ),
  )
}

function registerContentManagement(server: McpServer, data: Data): void {
  server.registerPrompt(
    'content_management',
    {
      title: 'Plan posts',
      description: 'Finds what was not yet written about a topic, and drafts it.',
      argsSchema: z.object({ topic: z.string(), tone: z.string().optional() }),
    },
    ({ topic, tone = 'plain' }) =>
      ask(
        `Read the posts below and draft one on ${topic} that repeats none of them, in a ${tone} tone. ` +
          'Save it with create_post as a draft.',
        {
          uri: resourceUris.posts,
          value: [...data.posts.values()].map(({ title, tags, status }) => ({ title, tags, status })),
        },
      ),
  )
}

function registerAnalyticsDashboard(server: McpServer, data: Data): void {
  server.registerPrompt(
    'analytics_dashboard',
    {
      title: 'Explain the numbers',
      description: 'Sums up users, posts, products and orders for one reader.',
      argsSchema: z.object({ audience: z.string().optional().describe('Who will read it') }),
    },
    ({ audience = 'a manager' }) =>
      ask(
        `Explain these numbers to ${audience} in five sentences, the most surprising first:\n` +
          JSON.stringify(analyse(data), null, 2),
      ),
  )
}

function ask(text: string, about?: { uri: string; value: unknown }): GetPromptResult {
  const messages: GetPromptResult['messages'] = [{ role: 'user', content: { type: 'text', text } }]
  if (about !== undefined) {
    const resource = {
      uri: about.uri,
      mimeType: 'application/json',
      text: JSON.stringify(about.value, null, 2),
    }
    messages.push({ role: 'user', content: { type: 'resource', resource } })
  }
  return { messages }
}

function beginsWith(names: Iterable<string>, typed: string): string[] {
  return [...new Set(names)].filter(name => name.toLowerCase().startsWith(typed.toLowerCase())).toSorted()
}

// Workers on Azure Container Apps: a job that is started by the length of the queue, and an app that takes events by HTTP.
//   az deployment group create -g GROUP -f container-apps.bicep -p environmentName=prod storageAccountName=poolprooffleet image=... queueSignature=...
targetScope = 'resourceGroup'

@description('The Container Apps environment; in this resource group.')
param environmentName string

@description('The storage account of queue, snapshots and reports; in this resource group.')
param storageAccountName string

@description('The image of the worker.')
param image string

@description('The queue that workers read.')
param queueName string = 'changes'

@description('Container of snapshots and reports.')
param containerName string = 'fleet'

@description('Shared access signature for the queue and its -poison (read, add, update, process).')
@secure()
param queueSignature string

@description('What senders of events must show; no app that listens where it is empty.')
@secure()
param listenSecret string = ''

@description('Most jobs at the same time.')
@minValue(1)
param maxExecutions int = 10

param location string = resourceGroup().location

var storageBlobDataContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
var storageQueueDataReader = '19e7f393-937e-4f77-808e-94535e297925'
var listens = !empty(listenSecret)

var settings = [
  {
    name: 'POOLPROOF_QUEUE'
    value: 'azqueue://${storageAccountName}/${queueName}'
  }
  {
    name: 'POOLPROOF_AZURE_SAS'
    secretRef: 'queue-signature'
  }
  {
    name: 'POOLPROOF_SNAPSHOTS'
    value: 'az://${containerName}/snapshots'
  }
  {
    name: 'POOLPROOF_PUBLISH'
    value: 'az://${containerName}/reports'
  }
  {
    name: 'POOLPROOF_THREADS'
    value: '2'
  }
  {
    name: 'POOLPROOF_LOG_FORMAT'
    value: 'json'
  }
  {
    name: 'POOLPROOF_GRACE'
    value: '20'
  }
  {
    name: 'AZURE_STORAGE_ACCOUNT_NAME'
    value: storageAccountName
  }
  // Which of the container's identities the blobs are reached with.
  {
    name: 'AZURE_CLIENT_ID'
    value: identity.properties.clientId
  }
]
var resources = {
  cpu: json('2.0')
  memory: '4Gi'
}

resource environment 'Microsoft.App/managedEnvironments@2024-03-01' existing = {
  name: environmentName
}

resource storage 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: storageAccountName
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'poolproof-worker'
  location: location
}

resource writesBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(storage.id, identity.id, storageBlobDataContributor)
  scope: storage
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataContributor)
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

// For the rule that counts messages.
resource countsMessages 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(storage.id, identity.id, storageQueueDataReader)
  scope: storage
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageQueueDataReader)
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource job 'Microsoft.App/jobs@2025-01-01' = {
  name: 'poolproof-worker'
  location: location
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    environmentId: environment.id
    configuration: {
      triggerType: 'Event'
      // Seconds a job may run: one that is stopped leaves its message to the next.
      replicaTimeout: 14400
      replicaRetryLimit: 1
      secrets: [
        {
          name: 'queue-signature'
          value: queueSignature
        }
      ]
      eventTriggerConfig: {
        parallelism: 1
        replicaCompletionCount: 1
        scale: {
          minExecutions: 0
          maxExecutions: maxExecutions
          pollingInterval: 30
          rules: [
            {
              name: 'changes'
              type: 'azure-queue'
              identity: identity.id
              metadata: {
                accountName: storageAccountName
                queueName: queueName
                queueLength: '5'
              }
            }
          ]
        }
      }
    }
    template: {
      containers: [
        {
          name: 'worker'
          image: image
          args: [
            'worker'
            '--until-empty'
          ]
          env: settings
          resources: resources
        }
      ]
    }
  }
  dependsOn: [
    writesBlobs
    countsMessages
  ]
}

// Never scaled to none: whoever brings an event must find it there.
resource app 'Microsoft.App/containerApps@2025-01-01' = if (listens) {
  name: 'poolproof-listener'
  location: location
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    environmentId: environment.id
    configuration: {
      activeRevisionsMode: 'Single'
      ingress: {
        external: true
        targetPort: 8080
        transport: 'http'
        allowInsecure: false
      }
      secrets: [
        {
          name: 'queue-signature'
          value: queueSignature
        }
        {
          name: 'listen-secret'
          value: listenSecret
        }
      ]
    }
    template: {
      // The grace of the worker and what it needs beside.
      terminationGracePeriodSeconds: 60
      containers: [
        {
          name: 'worker'
          image: image
          args: [
            'worker'
            '--listen'
            '0.0.0.0:8080'
          ]
          env: concat(settings, [
            {
              name: 'POOLPROOF_LISTEN_SECRET'
              secretRef: 'listen-secret'
            }
          ])
          resources: resources
          probes: [
            {
              type: 'Liveness'
              httpGet: {
                path: '/healthz'
                port: 8080
              }
              periodSeconds: 10
              failureThreshold: 6
            }
            {
              type: 'Readiness'
              httpGet: {
                path: '/readyz'
                port: 8080
              }
              periodSeconds: 20
              timeoutSeconds: 15
            }
          ]
        }
      ]
      scale: {
        minReplicas: 1
        maxReplicas: 2
      }
    }
  }
  dependsOn: [
    writesBlobs
  ]
}

@description('Where Event Grid may bring events (webhookUrl of event-grid.bicep).')
output webhookUrl string = listens ? 'https://${app!.properties.configuration.ingress.fqdn}/events' : ''

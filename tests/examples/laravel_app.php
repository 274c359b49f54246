<?php
// A Laravel application without its skeleton: container, events, Eloquent on SQLite, HTTP client, queue and Artisan, as far
// as Debian has them. Runs the code in the environment, and prints what it returns as JSON.

namespace {
    error_reporting(E_ALL & ~E_DEPRECATED);
    foreach (['Database', 'Events', 'Console', 'Bus', 'Queue', 'Http', 'Config', 'Cache'] as $part) {
        require_once "Illuminate/$part/autoload.php";
    }
    require_once 'GuzzleHttp/autoload.php';

    class App extends Illuminate\Container\Container
    {
        public function runningUnitTests(): bool
        {
            return false;
        }

        public function isDownForMaintenance(): bool
        {
            return false;
        }

        public function environment(): string
        {
            return 'testing';
        }
    }

    $reported = [];

    function app(string $abstract = null)
    {
        return $abstract === null ? App::getInstance() : App::getInstance()->make($abstract);
    }

    function config(string $name)
    {
        return app('config')->get($name);
    }

    function report(Throwable $error): void
    {
        $GLOBALS['reported'][] = $error->getMessage();
    }

    spl_autoload_register(static function (string $class): void {
        if (strpos($class, 'App\\Populer\\') === 0) {
            require getenv('POPULER_TEST_FOLDER') . '/Populer/' . basename(strtr($class, '\\', '/')) . '.php';
        }
    });

    $app = new App();
    App::setInstance($app);
    Illuminate\Support\Facades\Facade::setFacadeApplication($app);
    $app->instance('app', $app);
    $app->instance(Illuminate\Contracts\Container\Container::class, $app);
    $app->instance('config', new Illuminate\Config\Repository([
        'services' => ['populer' => ['url' => getenv('POPULER_TEST_URL'), 'key' => getenv('POPULER_TEST_KEY'), 'site' => '']],
        'queue' => ['default' => getenv('POPULER_TEST_QUEUE'), 'connections' => [
            'sync' => ['driver' => 'sync'],
            'database' => ['driver' => 'database', 'table' => 'jobs', 'queue' => 'default', 'retry_after' => 90],
        ]],
    ]));
    $database = new Illuminate\Database\Capsule\Manager($app);
    $database->addConnection(['driver' => 'sqlite', 'database' => getenv('POPULER_TEST_DATABASE')]);
    $app->instance('events', new Illuminate\Events\Dispatcher($app));
    $app->alias('events', Illuminate\Contracts\Events\Dispatcher::class);
    $database->setEventDispatcher($app['events']);
    $database->setAsGlobal();
    $database->bootEloquent();
    $app->instance('db', $database->getDatabaseManager());
    $app->singleton(Illuminate\Http\Client\Factory::class);
    $queue = new Illuminate\Queue\QueueManager($app);
    $queue->addConnector('sync', static fn () => new Illuminate\Queue\Connectors\SyncConnector());
    $queue->addConnector('database', static fn () => new Illuminate\Queue\Connectors\DatabaseConnector($app['db']));
    $app->instance('queue', $queue);
    $bus = new Illuminate\Bus\Dispatcher($app, static fn ($connection = null) => $queue->connection($connection));
    $app->instance(Illuminate\Contracts\Bus\Dispatcher::class, $bus);
    $app->alias(Illuminate\Contracts\Bus\Dispatcher::class, Illuminate\Bus\Dispatcher::class);

    class Artikel extends Illuminate\Database\Eloquent\Model
    {
        use App\Populer\DescribesToPopuler;
        use Illuminate\Database\Eloquent\SoftDeletes;

        protected $table = 'artikel';
        protected $guarded = [];
        public $timestamps = false;
        protected $casts = ['terbit' => 'boolean'];

        public function populerItem(): ?array
        {
            return $this->terbit ? [
                'title' => $this->judul,
                'url' => "https://news.example/{$this->slug}",
                'section' => 'Olah Raga & Gaya',
            ] : null;
        }
    }

    function work(): int
    {
        $exceptions = new class implements Illuminate\Contracts\Debug\ExceptionHandler {
            public function report(Throwable $e)
            {
                report($e);
            }

            public function shouldReport(Throwable $e)
            {
                return true;
            }

            public function render($request, Throwable $e)
            {
            }

            public function renderForConsole($output, Throwable $e)
            {
            }
        };
        $worker = new Illuminate\Queue\Worker(app('queue'), app('events'), $exceptions, static fn () => false);
        $worker->runNextJob('database', 'default', new Illuminate\Queue\WorkerOptions());
        return Illuminate\Database\Capsule\Manager::table('jobs')->count();
    }

    function artisan(string $command): array
    {
        $artisan = new Illuminate\Console\Application(app(), app('events'), '10');
        $artisan->resolve(App\Populer\SyncCommand::class);
        $output = new Symfony\Component\Console\Output\BufferedOutput();
        $code = $artisan->call($command, [], $output);
        return [$code, trim($output->fetch())];
    }

    $schema = Illuminate\Database\Capsule\Manager::schema();
    if (!$schema->hasTable('artikel')) {
        $schema->create('artikel', static function ($table): void {
            $table->increments('id');
            $table->string('judul');
            $table->string('slug');
            $table->boolean('terbit')->default(true);
            $table->softDeletes();
        });
        $schema->create('jobs', static function ($table): void {
            $table->bigIncrements('id');
            $table->string('queue');
            $table->longText('payload');
            $table->unsignedTinyInteger('attempts');
            $table->unsignedInteger('reserved_at')->nullable();
            $table->unsignedInteger('available_at');
            $table->unsignedInteger('created_at');
        });
    }
    $answer = eval(getenv('POPULER_TEST_CODE'));
    echo json_encode(['answer' => $answer, 'reported' => $reported]);
}

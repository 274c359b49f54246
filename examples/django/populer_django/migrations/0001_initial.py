import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []  # noqa: RUF012

    operations = [  # noqa: RUF012
        migrations.CreateModel(
            name="Told",
            fields=[
                ("item", models.CharField(max_length=512, primary_key=True, serialize=False)),
                ("model", models.CharField(max_length=100)),
                ("key", models.CharField(max_length=255)),
                ("url", models.TextField(blank=True, default="")),
                ("is_down", models.BooleanField(default=False)),
                ("waiting", models.CharField(blank=True, db_index=True, default="", max_length=32)),
                ("changed", models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
    ]
